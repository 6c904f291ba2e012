#include "app/sample_files.h"

#include <algorithm>
#include <cstdio>

#include "app/pictures.h"
#include "app/point_plot.h"

namespace coopnets {

namespace {
constexpr int64_t most_pixels_of_sheet = int64_t{1} << 23, most_points = 1000000;
}

SampleFiles::SampleFiles(const std::string &folder, const std::string &kind, const Shape &shape, int64_t count,
                         bool array, std::set<std::string> &older, const PngTexts &texts)
    : folder_(folder + '/'),
      kind_(kind),
      shape_(shape.with_n(1)),
      count_(count),
      most_on_sheet_(are_points(shape)
                         ? most_points
                         : std::clamp<int64_t>(most_pixels_of_sheet / (shape.t * shape.h * shape.w), 1, 100)),
      older_(older),
      texts_(texts) {
  if (array) array_ = std::make_unique<NpyFile>(folder_ + kind + ".npy", shape.with_n(count));
}

std::string SampleFiles::file(int64_t number) const {
  char text[32];
  std::snprintf(text, sizeof text, "_%06lld", static_cast<long long>(number));
  return kind_ + text;
}

void SampleFiles::add(const std::vector<real> &values) {
  const int64_t count = static_cast<int64_t>(values.size()) / shape_.size();
  if (array_) array_->add(values);
  for (int64_t k = 0; k < count; ++k, ++written_) {
    const auto first = values.begin() + k * shape_.size();
    if (!array_ && !are_points(shape_)) {
      const std::string path = folder_ + file(written_);
      save_example(path, {first, first + shape_.size()}, shape_, texts_);
      older_.erase(path + ".png");
    }
    if (written_ < most_on_sheet_) shown_.insert(shown_.end(), first, first + shape_.size());
  }
}

void SampleFiles::finish_array() {
  if (!array_) return;
  array_->commit();
  older_.erase(folder_ + kind_ + ".npy");
}

void SampleFiles::write_sheet(int64_t iteration) {
  save_sheet(folder_ + kind_, shown_, shape_.with_n(static_cast<int64_t>(shown_.size()) / shape_.size()), texts_,
             sheet_label(kind_, iteration));
  older_.erase(folder_ + sheet());
}

std::string SampleFiles::names() const {
  if (array_) return kind_ + ".npy";
  if (are_points(shape_)) return sheet();
  return file(0) + ".png" + (count_ > 1 ? " to " + file(count_ - 1) + ".png" : "");
}

}  // namespace coopnets
