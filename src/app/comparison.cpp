#include "app/comparison.h"

#include <algorithm>

#include "data/animation.h"

namespace coopnets {

std::vector<std::string> save_comparison(const std::string &folder, const std::vector<VideoColumn> &columns,
                                         int64_t milliseconds, const PngTexts &texts) {
  constexpr int64_t most_rows = 4, shown_frames = 8;
  const auto clip = [](const VideoColumn &column, int64_t row) {
    const int64_t k = row % column.shape.n;
    return to_clip(column.values.data() + k * column.shape.example(), column.shape.with_n(1));
  };
  std::vector<Clip> clips, first;
  int64_t rows = 0, filled = 0;
  for (const VideoColumn &column : columns)
    if (!column.values.empty()) {
      rows = std::max(rows, std::min(column.shape.n, most_rows));
      ++filled;
      first.push_back(clip(column, 0));
    }
  for (int64_t row = 0; row < rows; ++row)
    for (const VideoColumn &column : columns)
      if (!column.values.empty()) clips.push_back(clip(column, row));

  std::vector<std::string> files = {"comparison.png", "strip.png"};
  const Clip together = side_by_side(clips, filled);
  const int lasts = int(std::clamp<int64_t>(milliseconds, 1, 65535));  // no file holds more
  save_with_texts(folder + "/comparison.png", encode_apng(together, lasts), texts);
  const int64_t frames = static_cast<int64_t>(first[0].size());
  save_with_texts(folder + "/strip.png", encode_png(strip(first, std::max<int64_t>(frames / shown_frames, 1))), texts);
  if (can_save_mp4()) {
    save_mp4(folder + "/comparison.mp4", together, lasts);
    files.push_back("comparison.mp4");
  }
  return files;
}

}  // namespace coopnets
