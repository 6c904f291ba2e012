// Where new samples go: a file each or one array, and a sheet of the first of them.
#pragma once
#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "app/npy.h"
#include "data/png_texts.h"

namespace coopnets {

class SampleFiles {
 public:
  // `count` samples of `shape` on their way to folder/kind_000000.png ... or, with `array`, folder/kind.npy, and to the
  // sheet folder/kind.png, pictures with these texts; points to the sheet, which is their plot, and to the array alone.
  // What is written goes from `older`, files of an earlier call.
  SampleFiles(const std::string &folder, const std::string &kind, const Shape &shape, int64_t count, bool array,
              std::set<std::string> &older, const PngTexts & = {});

  void add(const std::vector<real> &values);
  void finish_array();                  // first of all, so that no sheet costs the array
  void write_sheet(int64_t iteration);  // of the nets, which its label tells

  std::string names() const;  // "generator_000000.png to generator_000099.png"
  std::string sheet() const { return kind_ + ".png"; }
  // A sheet shows 100 samples at most, and fewer large ones, so that it fits memory and a screen; of points a million.
  int64_t on_sheet() const { return std::min(count_, most_on_sheet_); }

 private:
  std::string file(int64_t number) const;
  std::string folder_, kind_;
  Shape shape_;  // of one
  int64_t count_, most_on_sheet_;
  std::set<std::string> &older_;
  std::unique_ptr<NpyFile> array_;
  std::vector<real> shown_;
  int64_t written_ = 0;
  PngTexts texts_;
};

}  // namespace coopnets
