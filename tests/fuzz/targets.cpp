// The list of targets, and what libFuzzer and our own driver call.
#include <cstring>
#include <filesystem>

#include "data/bytes.h"
#include "data/picture_files.h"
#include "fuzz/fuzz.h"

namespace coopnets {

const std::vector<FuzzTarget> &fuzz_targets() {
  static const std::vector<FuzzTarget> all = {pictures_target(), clips_target(),   arrays_target(),
                                              cifar_target(),    weights_target(), configs_target()};
  return all;
}

bool feed(const FuzzTarget &target, const Bytes &bytes) {
  if (bytes.size() > target.most_bytes) return false;
  const bool taken = target.read(bytes) > 0;
  if (!target.repair) return taken;
  Bytes repaired = bytes;
  target.repair(repaired);
  return (repaired != bytes && target.read(repaired) > 0) || taken;
}

std::string input_file(const std::string &name, const Bytes &bytes) {
  static const TemporaryFolder folder;
  const std::string path = folder / name;
  std::filesystem::remove(path);  // a new file: some systems wait for the disk when an old one is emptied
  std::ofstream file(path, std::ios::binary);
  if (!file) {  // the first one of its folder
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    file.open(path, std::ios::binary);
  }
  file.write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
  if (!file.flush()) throw std::logic_error("cannot write " + path);
  return path;
}

Bytes read_whole(const std::string &path) { return read_bytes(path); }

namespace {

const FuzzTarget *chosen = nullptr;

// The value of "--name=value", or null.
const char *value_of(const char *argument, const char *name) {
  const size_t length = std::strlen(name);
  return std::strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : nullptr;
}

}  // namespace
}  // namespace coopnets

// Options that libFuzzer passes over: --target=NAME, and --seeds=FOLDER, where that target's seeds are written.
extern "C" int LLVMFuzzerInitialize(int *count, char ***arguments) {
  using namespace coopnets;
  const char *folder = nullptr;
  for (int i = 1; i < *count; ++i) {
    if (const char *name = value_of((*arguments)[i], "--target"))
      for (const FuzzTarget &target : fuzz_targets())
        if (target.name == name) chosen = &target;
    if (const char *seeds = value_of((*arguments)[i], "--seeds")) folder = seeds;
  }
  int number = 0;
  if (chosen && folder)
    for (const Bytes &seed : chosen->seeds())
      write_bytes(std::string(folder) + "/seed-" + std::to_string(number++), seed);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace coopnets;
  if (!chosen) throw std::logic_error("no target is chosen: --target=NAME");
  feed(*chosen, Bytes(data, data + size));
  return 0;
}
