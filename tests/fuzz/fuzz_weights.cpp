// Safetensors: any, checkpoints as far as their metadata go, and the weights of Inception.
#include "app/saved_model.h"
#include "cpu/cpu.h"
#include "fuzz/fuzz.h"
#include "metrics/inception.h"
#include "tensor/safetensors.h"

namespace coopnets {
namespace {

// The length of the header, the header, the data.
Bytes safetensors_of(const std::string &header, const Bytes &data) {
  Bytes out;
  for (int i = 0; i < 8; ++i) out.push_back(uint8_t(uint64_t(header.size()) >> (8 * i)));
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

// Inception's first layer, and no more.
Bytes inception() {
  const std::string header =
      R"({"__metadata__":{"format":"coopnets inception 2015-12-05","categories":"cat\ndog\u00e9"},)"
      R"("Conv2d_1a_3x3.bias":{"dtype":"F16","shape":[1,1,1,1,32],"data_offsets":[0,64]},)"
      R"("Conv2d_1a_3x3.filters":{"dtype":"F32","shape":[1,3,3,3,32],"data_offsets":[64,3520]}})";
  return safetensors_of(header, Bytes(3520, 0x3C));
}

Bytes checkpoint() {
  const std::string header =
      R"({"__metadata__":{"format":"coopnets 2","experiment":"texture","seed":"1","iteration":"20",)"
      R"("settings":"size=16\nchains=4\nlangevin_step_size=0.1\nalpha=white\n"},)"
      R"("generator.0.filters":{"dtype":"F32","shape":[1,1,1,2,3],"data_offsets":[0,24]}})";
  return safetensors_of(header, Bytes(24, 0x3F));
}

std::vector<Bytes> seeds() {
  std::string header = R"({"none":{"dtype":"F32","shape":[4,0],"data_offsets":[0,0]},)";
  size_t at = 0;
  const std::pair<std::string, size_t> types[] = {{"F64", 8},  {"I64", 8}, {"U32", 4}, {"F32", 4},
                                                  {"BF16", 2}, {"F16", 2}, {"U8", 1},  {"BOOL", 1}};
  for (const auto &[type, size] : types) {
    header += (at ? ",\"" : "\"") + type + R"(":{"dtype":")" + type + R"(","shape":[1,2],"data_offsets":[)" +
              std::to_string(at) + "," + std::to_string(at + 2 * size) + "]}";
    at += 2 * size;
  }
  Bytes data;
  for (size_t i = 0; i < at; ++i) data.push_back(uint8_t(37 * i));
  return {safetensors_of(header + "}   ", data), safetensors_of(R"({"__metadata__":{"a":"\"\\\ud83d\ude00\t"}})", {}),
          safetensors_of(R"({"s":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}})", {0, 0, 0x80, 0x3F}), inception(),
          checkpoint()};
}

void read_all(const SafetensorsFile &file) {
  for (const StoredTensor &tensor : file.tensors()) {
    std::vector<char> bytes(size_t(tensor.bytes));
    file.read(tensor, bytes.data());
    std::vector<real> values(size_t(tensor.size()));
    taken(file.path(), [&] { file.read_reals(tensor, 0, tensor.size(), values.data()); });
  }
}

int read(const Bytes &bytes) {
  static const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  const std::string path = input_file("weights.safetensors", bytes);
  return taken(path, [&] {
    const SafetensorsFile file(path);
    read_all(file);
    taken(path, [&] { checkpoint_iteration(file); });
    taken(path, [&] { stored_settings(file, Settings()); });
    if (Inception::is_in(file)) taken(path, [&] { const Inception net(*backend, file); });
  });
}

}  // namespace

FuzzTarget weights_target() { return {"weights", 16384, seeds, read}; }

}  // namespace coopnets
