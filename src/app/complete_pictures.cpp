#include "app/complete_pictures.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <tuple>

#include "app/hole.h"
#include "app/picture_texts.h"
#include "experiments/model.h"
#include "tensor/file.h"

namespace coopnets {

namespace fs = std::filesystem;

namespace {

constexpr int64_t at_a_time = 32;

// One picture on its way through the nets.
struct Work {
  std::string name;  // of the file that it becomes, without folder and extension
  Image picture;
  Mask hole;
  Rectangle part;            // that the nets see
  Mask mask;                 // of the part, at their size
  std::vector<real> values;  // likewise
  real low = -1, high = 1;   // of what is visible there, which the nets know stretched to [-1, 1]
};

// Files of the folder whose names are those of pictures, in order; the path itself where it is no folder.
std::vector<std::string> pictures_of(const std::string &path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const fs::directory_entry &entry : fs::directory_iterator(path))
    if (entry.is_regular_file() && has_image_name(entry.path().filename())) files.push_back(entry.path().string());
  if (files.empty()) throw std::runtime_error("there is no picture in " + path);
  std::sort(files.begin(), files.end());
  return files;
}

// Of the masks, the files of `path`.
std::string mask_for(const std::string &path, const std::vector<std::string> &masks, const std::string &picture) {
  if (!fs::is_directory(path)) return path;
  for (const std::string &file : masks)
    if (fs::path(file).stem() == fs::path(picture).stem()) return file;
  throw std::runtime_error("there is no mask for " + picture + " in " + path);
}

// The least and the largest value that a mask leaves visible; [-1, 1] where there is but one value.
std::pair<real, real> visible_range(const std::vector<real> &picture, const Mask &mask) {
  const size_t channels = picture.size() / mask.hidden.size();
  real low = 1, high = -1;
  for (size_t i = 0; i < picture.size(); ++i)
    if (!mask.hidden[i / channels]) low = std::min(low, picture[i]), high = std::max(high, picture[i]);
  return low < high ? std::make_pair(low, high) : std::make_pair(real(-1), real(1));
}

class PictureCompletion {
 public:
  PictureCompletion(Completion &completion, const SavedModel &saved, const std::string &checkpoint,
                    const Options &options, Progress &progress)
      : completion_(completion),
        settings_(saved.settings),
        options_(options),
        progress_(progress),
        example_(example_shape(*saved.experiment, saved.settings)),
        crop_(crop_of(settings_)),
        texts_(picture_texts(saved, checkpoint, options)),
        folder_(fs::is_directory(options.picture)),
        target_(made_beside(options, folder_ ? "completed" : "completed_")) {
    if (options.mask.empty())
      square_masks(example_, hidden_side(settings_, example_), 1, 1);  // it throws what is wrong
  }

  void run() {
    const std::vector<std::string> files = pictures_of(options_.picture);
    if (!options_.mask.empty()) masks_ = pictures_of(options_.mask);
    if (folder_) create_folders(target_);
    progress_.note(completion_.beginning(int64_t(files.size())));
    int64_t done = 0;
    Task task(progress_, "pictures", int64_t(files.size()));
    for (size_t first = 0; first < files.size(); first += size_t(at_a_time)) {
      std::vector<Work> some;
      for (size_t k = first; k < std::min(files.size(), first + size_t(at_a_time)); ++k) add(files[k], k, some);
      completion_.watch([&](double share) { task.reached(double(first) + share * double(some.size())); });
      if (!some.empty()) complete(some);
      done += int64_t(some.size());
    }
    if (done == 0) throw std::runtime_error("none of the pictures in " + options_.picture + " can be completed");
    progress_.note(folder_ ? target_ + "/ holds " + std::to_string(done) + " pictures with their hidden parts filled"
                           : last_file_ + " is the picture with its hidden part filled");
  }

 private:
  void add(const std::string &file, size_t number, std::vector<Work> &some) {
    try {
      some.push_back(opened(file, number));
    } catch (const std::runtime_error &error) {
      if (!folder_) throw;
      progress_.warn(std::string(error.what()) + "; it is left out");
    }
  }

  Work opened(const std::string &file, size_t number) {
    Work work;
    work.picture = load_image(file, example_.c, parse_alpha(settings_.alpha));
    work.hole = hole_of(work.picture, file, number);
    work.part = part_around(work.hole, example_, crop_);
    work.mask = part_of_mask(work.hole, work.part, example_.h, example_.w);
    if (std::count(work.mask.hidden.begin(), work.mask.hidden.end(), 0) == 0)
      throw std::runtime_error("the hole of " + file + " leaves too little of it at the nets' size, " +
                               std::to_string(example_.h) + "x" + std::to_string(example_.w));
    const Image seen =
        part_of_picture(work.picture, work.hole, work.part, example_.h, example_.w, parse_resize(settings_.resize));
    work.values.resize(size_t(seen.size()));
    to_reals(seen.pixels.data(), seen.size(), Normalise::fixed, work.values.data());
    if (settings_.normalise != "fixed") std::tie(work.low, work.high) = visible_range(work.values, work.mask);
    for (real &x : work.values) x = 2 * (x - work.low) / (work.high - work.low) - 1;
    work.name = fs::path(file).stem().string();
    if (!names_.insert(work.name).second) names_.insert(work.name = fs::path(file).filename().string());
    return work;
  }

  // At the picture's own size.
  Mask hole_of(const Image &picture, const std::string &file, size_t number) const {
    if (!options_.mask.empty()) {
      const std::string path = mask_for(options_.mask, masks_, file);
      return mask_of(resize(load_image(path, 1, Alpha::ignore), picture.height, picture.width, Resize::nearest), path);
    }
    const Mask square = square_mask(example_.h, example_.w, hidden_side(settings_, example_),
                                    static_cast<uint64_t>(options_.seed), number);
    const Rectangle part =
        fitted_part(picture.height, picture.width, example_.h, example_.w,
                    is_too_small(picture.height, picture.width, crop_) ? Crop{Crop::none, 0} : crop_);
    Mask hole{picture.height, picture.width, std::vector<uint8_t>(size_t(picture.height * picture.width), 0)};
    for (int64_t y = 0; y < part.height; ++y)
      for (int64_t x = 0; x < part.width; ++x)
        hole.hidden[size_t((part.top + y) * picture.width + part.left + x)] =
            square(y * example_.h / part.height, x * example_.w / part.width);
    return hole;
  }

  void complete(const std::vector<Work> &some) {
    std::vector<real> pictures;
    std::vector<Mask> masks;
    for (const Work &work : some) {
      pictures.insert(pictures.end(), work.values.begin(), work.values.end());
      masks.push_back(work.mask);
    }
    const std::vector<real> made = completion_.reconstruct(pictures, masks);
    for (size_t k = 0; k < some.size(); ++k) {
      const auto own = made.begin() + int64_t(k) * example_.size();
      save(some[k], {own, own + example_.size()});
    }
  }

  void save(const Work &work, const std::vector<real> &made) {
    std::vector<real> filled = blended(work.values, made, work.mask);
    for (real &x : filled) x = (x + 1) / 2 * (work.high - work.low) + work.low;
    const Image whole = with_part_filled(work.picture, work.hole, work.part,
                                         to_image(filled.data(), example_.h, example_.w, example_.c));
    last_file_ = target_ + (folder_ ? "/" : "") + work.name + ".png";
    save_with_texts(last_file_, encode_png(whole), texts_);
  }

  Completion &completion_;
  const Settings &settings_;
  const Options &options_;
  Progress &progress_;
  const Shape example_;
  const Crop crop_;
  const PngTexts texts_;
  const bool folder_;
  const std::string target_;
  std::vector<std::string> masks_;
  std::set<std::string> names_;
  std::string last_file_;
};

}  // namespace

void complete_pictures(Completion &completion, const SavedModel &saved, const std::string &checkpoint,
                       const Options &options, Progress &progress) {
  PictureCompletion(completion, saved, checkpoint, options, progress).run();
}

}  // namespace coopnets
