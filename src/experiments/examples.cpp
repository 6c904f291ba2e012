#include "experiments/examples.h"

#include <sys/stat.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "data/densities.h"
#include "data/source.h"
#include "data/video.h"
#include "experiments/model.h"
#include "tensor/random.h"

namespace coopnets {

namespace {

// Exchanges left and right of a picture.
void mirror(const Shape &shape, real *picture) {
  for (int64_t h = 0; h < shape.h; ++h)
    for (int64_t left = 0, right = shape.w - 1; left < right; ++left, --right)
      std::swap_ranges(picture + (h * shape.w + left) * shape.c, picture + (h * shape.w + left + 1) * shape.c,
                       picture + (h * shape.w + right) * shape.c);
}

class PictureExamples final : public Examples {
 public:
  PictureExamples(const DatasetOptions &options, bool mirrored)
      : set_(options), mirrored_(mirrored), seed_(options.seed) {}
  int64_t size() const override { return set_.size(); }
  std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const override {
    return set_.batch_indices(iteration, count);
  }
  std::vector<real> batch(int64_t iteration, int64_t count) override {
    std::vector<real> out(count * set_.shape().size());
    set_.batch(iteration, count, out.data());
    for (int64_t k = 0; mirrored_ && k < count; ++k)
      if (random_block({seed_, Purpose::mirror}, uint64_t(iteration * count + k), 0, 0).v[0] % 2 == 1)
        mirror(set_.shape(), out.data() + k * set_.shape().size());
    return out;
  }
  std::vector<real> some(const std::vector<int64_t> &indices) const override { return set_.examples(indices); }
  int64_t label(int64_t index) const override { return set_.label(index); }
  int64_t bad_count() const override { return set_.bad_count(); }
  void list_bad_in(const std::string &path) override { set_.list_bad_in(path); }
  int64_t held_out() const override { return set_.held_out(); }
  bool has_test_set() const override { return set_.has_test_set(); }

 private:
  Dataset set_;
  const bool mirrored_;
  const uint64_t seed_;
};

// Parts of pictures, where the nets see all places alike: windows of `side` x `side` pixels, as they are.
class WindowExamples final : public Examples {
 public:
  WindowExamples(const DatasetOptions &options, int64_t side, uint64_t seed)
      : whole_(open(options, side)), shape_(whole_->shape()), side_(side), seed_(seed) {}
  int64_t size() const override { return whole_->size(); }
  std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const override {
    return whole_->batch_indices(iteration, count);
  }
  std::vector<real> batch(int64_t iteration, int64_t count) override {
    std::vector<real> out;
    const std::vector<int64_t> indices = batch_indices(iteration, count);
    for (int64_t k = 0; k < count; ++k) {
      const Words drawn = random_block({seed_, Purpose::window}, uint64_t(iteration * count + k), 0, 0);
      const auto place = [&](int i, int64_t side) { return int64_t(drawn.v[i] % uint64_t(side - side_ + 1)); };
      cut(indices[size_t(k)], place(0, shape_.h), place(1, shape_.w), out);
    }
    return out;
  }
  // The middle of each.
  std::vector<real> some(const std::vector<int64_t> &indices) const override {
    std::vector<real> out;
    for (const int64_t i : indices) cut(i, (shape_.h - side_) / 2, (shape_.w - side_) / 2, out);
    return out;
  }
  std::vector<real> whole(int64_t index, Shape &shape) const override {
    shape = shape_;
    return whole_->examples({index});
  }
  int64_t label(int64_t index) const override { return whole_->label(index); }
  int64_t bad_count() const override { return whole_->bad_count(); }
  void list_bad_in(const std::string &path) override { whole_->list_bad_in(path); }
  int64_t held_out() const override { return whole_->held_out(); }
  bool has_test_set() const override { return whole_->has_test_set(); }

 private:
  // A picture that is too small is enlarged until a window fits.
  static std::unique_ptr<Dataset> open(DatasetOptions options, int64_t side) {
    auto whole = std::make_unique<Dataset>(options);
    const Shape shape = whole->shape();
    const int64_t shorter = std::min(shape.h, shape.w);
    if (shorter >= side) return whole;
    const auto scaled = [&](int64_t n) { return (n * side + shorter - 1) / shorter; };
    options.height = scaled(shape.h);
    options.width = scaled(shape.w);
    options.warn(whole->name(0) + " has " + std::to_string(shape.h) + "x" + std::to_string(shape.w) +
                 " pixels and is enlarged to " + std::to_string(options.height) + "x" + std::to_string(options.width) +
                 ": parts of " + std::to_string(side) + "x" + std::to_string(side) +
                 " are learned from (a smaller size needs less)");
    return std::make_unique<Dataset>(options);
  }
  void cut(int64_t index, int64_t top, int64_t left, std::vector<real> &out) const {
    if (index != last_) picture_ = whole_->examples({index});
    last_ = index;
    for (int64_t h = top; h < top + side_; ++h) {
      const auto row = picture_.begin() + (h * shape_.w + left) * shape_.c;
      out.insert(out.end(), row, row + side_ * shape_.c);
    }
  }
  std::unique_ptr<Dataset> whole_;
  const Shape shape_;  // of a whole picture
  const int64_t side_;
  const uint64_t seed_;
  mutable int64_t last_ = -1;
  mutable std::vector<real> picture_;  // number last_
};

// A clip of fewer frames than are wanted. Advises only numbers of frames that the nets take.
[[noreturn]] void refuse_short(const Experiment &experiment, const Settings &s, const std::string &path,
                               int64_t count) {
  const int64_t beside = 2 * s.border;
  std::string text = path + " has " + std::to_string(count) + (count == 1 ? " frame" : " frames") + ", but " +
                     std::to_string(s.frames + beside) + " are needed" +
                     (beside > 0 ? ", " + std::to_string(beside) + " of them before and after what is shown" : "") +
                     ": give a longer clip";
  if (count > 1) {
    const int64_t most = count - beside;
    // Nets that are shown parts take any number.
    const std::vector<int64_t> fitting =
        s.crop == "random" ? std::vector<int64_t>{std::max<int64_t>(most, 1)} : frames_that_fit(experiment, s, most);
    if (!fitting.empty() && fitting[0] <= most)
      text += ", or --set frames=" + std::to_string(fitting[0]) +
              (fitting[0] < most ? ", the most of these that the nets take" : "");
    else if (!fitting.empty())
      text += " (the nets take " + std::to_string(fitting[0]) + " frames at the least)";
    text += ", or --set short=mirror or short=loop, to play it back and forth or again";
  }
  throw std::runtime_error(text);
}

// All in memory, and nothing beside them.
class KeptExamples : public Examples {
 public:
  KeptExamples(int64_t size, uint64_t seed) : size_(size), order_(size, seed) {}
  int64_t size() const override { return size_; }
  std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const override {
    std::vector<int64_t> indices;
    for (int64_t k = 0; k < count; ++k) indices.push_back(order_.at(iteration * count + k));
    return indices;
  }
  std::vector<real> batch(int64_t iteration, int64_t count) override { return some(batch_indices(iteration, count)); }
  int64_t label(int64_t) const override { return -1; }
  int64_t bad_count() const override { return 0; }
  void list_bad_in(const std::string &) override {}
  int64_t held_out() const override { return 0; }
  bool has_test_set() const override { return false; }

 private:
  const int64_t size_;
  Order order_;
};

class PointExamples final : public KeptExamples {
 public:
  PointExamples(const Settings &s, uint64_t seed)
      : KeptExamples(s.examples, seed), points_(draw_points(s.density, 0, s.examples, seed)) {}
  std::vector<real> some(const std::vector<int64_t> &indices) const override {
    std::vector<real> out;
    for (const int64_t i : indices) out.insert(out.end(), {points_.at(size_t(2 * i)), points_.at(size_t(2 * i + 1))});
    return out;
  }

 private:
  const std::vector<real> points_;
};

// A few clips, from their first frame on; with crop=random other neighbouring frames of them each time.
class ClipExamples final : public KeptExamples {
 public:
  ClipExamples(const Experiment &experiment, const std::vector<std::string> &paths, const Settings &s, uint64_t seed,
               const std::function<void(const std::string &)> &warn)
      : KeptExamples(static_cast<int64_t>(paths.size()), seed),
        shape_(example_shape(experiment, s)),
        windows_(s.crop == "random"),
        seed_(seed) {
    const Stretch stretch = s.normalise == "video"   ? Stretch::video
                            : s.normalise == "fixed" ? Stretch::fixed
                                                     : Stretch::frame;
    const Short how = parse_short(s.short_clips);
    for (size_t i = 0; i < paths.size(); ++i) {
      Clip clip =
          read_clip(paths[i], windows_ ? std::max(most_frames, shape_.t) : shape_.t, s.size, s.size,
                    windows_ ? Crop{} : parse_crop(s.crop), parse_resize(s.resize), i == 0 ? &milliseconds_ : nullptr);
      const int64_t count = int64_t(clip.size());
      if (windows_ && count == most_frames)
        warn(paths[i] + " is learned up to its frame " + std::to_string(count) + ", as longer clips are");
      if (count < shape_.t) {
        if (how == Short::refuse || count == 1) refuse_short(experiment, s, paths[i], count);
        clip = lengthened(clip, shape_.t, how);
      }
      clips_.push_back(to_reals(clip, stretch));
    }
  }
  std::vector<real> batch(int64_t iteration, int64_t count) override {
    std::vector<real> out;
    const std::vector<int64_t> indices = batch_indices(iteration, count);
    for (int64_t k = 0; k < count; ++k) {
      const uint64_t drawn = random_block({seed_, Purpose::window}, uint64_t(iteration * count + k), 0, 0).v[0];
      cut(indices[size_t(k)], int64_t(drawn % uint64_t(starts(indices[size_t(k)]))), out);
    }
    return out;
  }
  // The middle of each, where these are parts.
  std::vector<real> some(const std::vector<int64_t> &indices) const override {
    std::vector<real> out;
    for (const int64_t i : indices) cut(i, (starts(i) - 1) / 2, out);
    return out;
  }
  std::vector<real> whole(int64_t index, Shape &shape) const override {
    shape = shape_;
    shape.t = shape_.t + starts(index) - 1;
    return clips_.at(size_t(index));
  }
  int64_t milliseconds() const override { return milliseconds_; }

 private:
  static constexpr int64_t most_frames = 1000;  // of a clip whose parts are shown
  int64_t frame() const { return shape_.example() / shape_.t; }
  // How many frames a part can begin with; one where the clip is just as long.
  int64_t starts(int64_t index) const { return int64_t(clips_.at(size_t(index)).size()) / frame() - shape_.t + 1; }
  void cut(int64_t index, int64_t first, std::vector<real> &out) const {
    const auto begin = clips_.at(size_t(index)).begin() + first * frame();
    out.insert(out.end(), begin, begin + shape_.example());
  }
  const Shape shape_;
  const bool windows_;
  const uint64_t seed_;
  int64_t milliseconds_ = 100;  // of the first clip
  std::vector<std::vector<real>> clips_;
};

std::unique_ptr<Examples> open_points(const Settings &s, const std::string &path, uint64_t seed) {
  constexpr int64_t most = 10000000;
  if (!path.empty())
    throw std::runtime_error("the experiment 'toy' draws its points (--set density=" + either(density_names()) +
                             "): it learns nothing from " + path);
  if (s.examples < 1 || s.examples > most)
    throw std::runtime_error("the experiment 'toy' draws from 1 to " + std::to_string(most) + " points, not " +
                             std::to_string(s.examples) + " (--set examples=N)");
  return std::make_unique<PointExamples>(s, seed);
}

bool is_folder(const std::string &path) {
  struct stat s;
  return stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

bool exists(const std::string &path) {
  struct stat s;
  return stat(path.c_str(), &s) == 0;
}

// `a_sixth_at_most`: of settings.held_out.
std::unique_ptr<Examples> open(const Experiment &experiment, const Settings &s, const std::string &given, uint64_t seed,
                               const std::function<void(const std::string &)> &warn, Part part, int64_t memory,
                               bool a_sixth_at_most) {
  if (experiment.data == DataKind::points) return open_points(s, given, seed);
  const std::string path = given.empty() ? experiment.default_data : given;
  if (!exists(path))
    throw std::runtime_error(path + " does not exist" +
                             (given.empty() ? "; name other data by --data PATH (tools/get-data fetches some; "
                                              "datasets/README.md says which, and where the rest is published)"
                                            : ""));
  const bool windows = s.crop == "random";
  if (windows && experiment.data != DataKind::texture && experiment.data != DataKind::video)
    throw std::runtime_error(
        "crop=random is for the experiments 'texture' and 'dynamic-texture', whose nets see all places of a picture, "
        "or all times of a clip, alike");
  if (experiment.data == DataKind::video) {
    const std::vector<std::string> clips = list_clips(path);
    const std::string unread = is_folder(path) ? unread_pictures(path) : "";
    if (!unread.empty()) warn(unread + "; the clips are learned without them");
    return std::make_unique<ClipExamples>(experiment, clips, s, seed, warn);
  }

  if (experiment.data == DataKind::texture && is_folder(path) && s.category.empty()) {
    const std::string categories = list_categories(path);
    if (!categories.empty())  // else open_source() says that there are none
      throw std::runtime_error("a texture is learned from one picture, and " + path +
                               " holds several; choose one by --category NAME: " + categories);
  }
  DatasetOptions options;
  options.source.path = path;
  options.source.category = s.category;
  options.source.train = part != Part::test;
  if (part != Part::test) options.source.held_out = s.held_out;
  if (part == Part::train) options.source.examples = s.examples;
  options.source.examples_seed = seed;
  if (experiment.data != DataKind::digits) options.source.held_out_seed = seed;
  options.source.take_held_out = part == Part::held_out;
  options.source.a_sixth_at_most = a_sixth_at_most;
  const Shape example = example_shape(experiment, s);
  if (!windows) options.height = options.width = example.h;
  options.channels = experiment.channels;
  options.crop = parse_crop(windows ? "none" : s.crop);
  options.resize = parse_resize(s.resize);
  options.alpha = parse_alpha(s.alpha);
  options.normalise = parse_normalise(s.normalise);
  options.seed = seed;
  options.memory_limit = memory;
  options.warn = warn;
  if (windows) return std::make_unique<WindowExamples>(options, example.h, seed);
  return std::make_unique<PictureExamples>(options, part == Part::train && s.mirror == "random");
}

}  // namespace

std::vector<real> Examples::range(int64_t first, int64_t count) const {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return some(indices);
}

std::unique_ptr<Examples> open_examples(const Experiment &experiment, const Settings &s, const std::string &path,
                                        uint64_t seed, const std::function<void(const std::string &)> &warn, Part part,
                                        int64_t memory) {
  return open(experiment, s, path, seed, warn, part, memory, false);
}

std::unique_ptr<Examples> open_training_examples(const Experiment &experiment, Settings &s, const std::string &path,
                                                 uint64_t seed, const std::function<void(const std::string &)> &warn,
                                                 const std::function<void(const std::string &)> &note,
                                                 bool held_out_chosen) {
  auto examples = open(experiment, s, path, seed, warn, Part::train, memory_for_examples(), !held_out_chosen);
  const std::string fewer = held_out_note(s.held_out, examples->held_out(), examples->size());
  if (!fewer.empty()) note(fewer);
  s.held_out = examples->held_out();
  return examples;
}

std::string held_out_note(int64_t wished, int64_t held_out, int64_t learned) {
  if (held_out == wished) return "";
  return std::to_string(held_out) + " of " + std::to_string(held_out + learned) +
         " examples are held out, a sixth of them: the preset would have " + std::to_string(wished) +
         " (--set held_out=N chooses)";
}

}  // namespace coopnets
