// Readers of files, fed with damaged ones. A target is a group of readers of the same kinds of files.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace coopnets {

using Bytes = std::vector<uint8_t>;

struct FuzzTarget {
  std::string name;
  size_t most_bytes;              // longer ones are passed over: a picture may need 132 kB for each of its bytes
  std::vector<Bytes> (*seeds)();  // whole files, each of which a reader takes
  // Gives the bytes, as a file where that is needed, to each reader of the group; how many took them.
  int (*read)(const Bytes &);
  // Makes those check sums right that a reader looks at ahead of all else.
  void (*repair)(Bytes &) = nullptr;
};

FuzzTarget pictures_target();
FuzzTarget clips_target();
FuzzTarget arrays_target();
FuzzTarget cifar_target();
FuzzTarget weights_target();
FuzzTarget configs_target();
const std::vector<FuzzTarget> &fuzz_targets();

// Reads the bytes as they are and, where the target can repair them, repaired; whether a reader took either.
bool feed(const FuzzTarget &, const Bytes &);

// Writes the bytes to a file of this name in the program's own folder, "a" or "a/b", and returns its path.
std::string input_file(const std::string &name, const Bytes &);

Bytes read_whole(const std::string &path);

// 1 where the reader takes the file; 0 where it refuses it as it should, by a std::runtime_error that names the
// file. What else it throws goes on.
template <class Reader>
int taken(const std::string &file, const Reader &read) {
  try {
    read();
    return 1;
  } catch (const std::runtime_error &error) {
    if (std::string(error.what()).find(file) == std::string::npos)
      throw std::logic_error(std::string("this error does not name the file: ") + error.what());
    return 0;
  }
}

// What holds of everything that a reader gives; throws std::logic_error.
inline void must(bool holds, const char *what) {
  if (!holds) throw std::logic_error(std::string("it does not hold that ") + what);
}

}  // namespace coopnets
