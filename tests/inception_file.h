// The layers of FID's Inception as tests/data/inception.txt has them (tools/inception_golden.py wrote it), and noise to
// fill them with.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace coopnets {

struct InceptionFile {
  struct Conv {
    std::string name;
    int64_t height, width, in, out;  // of the window, and channels
  };
  // What PyTorch made of a layer for the weights and the picture of the golden file.
  struct Golden {
    Shape shape;
    double size, projection;  // root mean square; on noise of the layer's name
  };
  std::vector<Conv> convs;
  std::map<std::string, Golden> layers;

  InceptionFile() {
    std::ifstream file("tests/data/inception.txt");
    std::string line, kind, name;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      words >> kind >> name;
      if (kind == "conv") {
        Conv c{name, 0, 0, 0, 0};
        words >> c.height >> c.width >> c.in >> c.out;
        convs.push_back(c);
      } else {
        Golden g;
        words >> g.shape.n >> g.shape.h >> g.shape.w >> g.shape.c >> g.size >> g.projection;
        layers[name] = g;
      }
      EXPECT_TRUE(bool(words)) << line;
    }
    EXPECT_EQ(layers.size(), 20u);
  }
};

// As in tools/inception_golden.py: uniform in [-1, 1), by mixing of (FNV-1a hash of the name, index).
inline std::vector<double> noise_of(const std::string &name, int64_t count) {
  uint32_t seed = 2166136261u;
  for (const char c : name) seed = (seed ^ uint8_t(c)) * 16777619u;
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i) {
    uint32_t x = uint32_t(i) * 2654435761u ^ seed;
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    values[i] = double(x ^ x >> 16) / 2147483648.0 - 1;
  }
  return values;
}

}  // namespace coopnets
