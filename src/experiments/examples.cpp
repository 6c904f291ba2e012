#include "experiments/examples.h"

#include <sys/stat.h>

#include <numeric>
#include <stdexcept>

#include "data/video.h"

namespace coopnets {

namespace {

class PictureExamples final : public Examples {
 public:
  explicit PictureExamples(const DatasetOptions &options) : set_(options) {}
  int64_t size() const override { return set_.size(); }
  std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const override {
    return set_.batch_indices(iteration, count);
  }
  std::vector<real> batch(int64_t iteration, int64_t count) override {
    std::vector<real> out(count * set_.shape().size());
    set_.batch(iteration, count, out.data());
    return out;
  }
  std::vector<real> range(int64_t first, int64_t count) const override { return set_.examples(first, count); }
  std::vector<real> some(const std::vector<int64_t> &indices) const override { return set_.examples(indices); }
  int64_t label(int64_t index) const override { return set_.label(index); }
  int64_t bad_count() const override { return set_.bad_count(); }
  int64_t held_out() const override { return set_.held_out(); }
  bool has_test_set() const override { return set_.has_test_set(); }

 private:
  Dataset set_;
};

// A few clips, all in memory.
class ClipExamples final : public Examples {
 public:
  ClipExamples(const std::vector<std::string> &paths, const Settings &s, uint64_t seed)
      : order_(static_cast<int64_t>(paths.size()), seed) {
    const Stretch stretch = s.normalise == "video" ? Stretch::video : Stretch::frame;
    for (const std::string &clip : paths)
      clips_.push_back(
          to_reals(read_clip(clip, s.frames, s.size, s.size, parse_crop(s.crop), parse_resize(s.resize)), stretch));
  }
  int64_t size() const override { return static_cast<int64_t>(clips_.size()); }
  std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const override {
    std::vector<int64_t> indices;
    for (int64_t k = 0; k < count; ++k) indices.push_back(order_.at(iteration * count + k));
    return indices;
  }
  std::vector<real> batch(int64_t iteration, int64_t count) override { return some(batch_indices(iteration, count)); }
  std::vector<real> range(int64_t first, int64_t count) const override {
    std::vector<int64_t> indices(static_cast<size_t>(count));
    std::iota(indices.begin(), indices.end(), first);
    return some(indices);
  }
  std::vector<real> some(const std::vector<int64_t> &indices) const override {
    std::vector<real> out;
    for (const int64_t i : indices) out.insert(out.end(), clips_.at(i).begin(), clips_.at(i).end());
    return out;
  }
  int64_t label(int64_t) const override { return -1; }
  int64_t bad_count() const override { return 0; }
  int64_t held_out() const override { return 0; }
  bool has_test_set() const override { return false; }

 private:
  std::vector<std::vector<real>> clips_;
  Order order_;
};

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
  const std::string path = given.empty() ? experiment.default_data : given;
  if (path.empty())
    throw std::runtime_error(
        "the experiment '" + experiment.name +
        "' has no data of its own: name some by --data PATH (datasets/README.md says where to get it)");
  if (!exists(path))
    throw std::runtime_error(
        path + " does not exist" +
        (given.empty() ? "; name other data by --data PATH (datasets/README.md says where to get it)" : ""));
  if (experiment.data == DataKind::video) return std::make_unique<ClipExamples>(list_clips(path), s, seed);

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
  options.height = options.width = s.size;
  options.channels = experiment.channels;
  options.crop = parse_crop(s.crop);
  options.resize = parse_resize(s.resize);
  options.normalise = parse_normalise(s.normalise);
  options.seed = seed;
  options.memory_limit = memory;
  options.warn = warn;
  return std::make_unique<PictureExamples>(options);
}

}  // namespace

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
