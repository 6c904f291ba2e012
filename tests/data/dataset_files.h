// Folders of small pictures as data sets, for the tests of Dataset.
#pragma once
#include <stdexcept>

#include "data/dataset.h"
#include "data/picture_files.h"

namespace coopnets {

inline DatasetOptions options_for(const std::string &path) {
  DatasetOptions options;
  options.source.path = path;
  options.threads = 3;
  options.warn = [](const std::string &) {};
  return options;
}

// `count` pictures a.png, b.png, ... of different sizes.
inline void write_pictures(const std::string &folder, int count, uint64_t seed = 1) {
  for (int i = 0; i < count; ++i)
    write_bytes(folder + "/" + char('a' + i) + ".png", encode_png(noise(9 + i % 3, 10, 3, seed * 100 + uint64_t(i))));
}

inline std::vector<real> batch(Dataset &data, int64_t iteration, int64_t count) {
  std::vector<real> out(size_t(count * data.shape().size()));
  data.batch(iteration, count, out.data());
  return out;
}

inline std::string message_of(const DatasetOptions &options) {
  try {
    Dataset data(options);
  } catch (const std::exception &error) {
    return error.what();
  }
  return "no error";
}

}  // namespace coopnets
