#include "app/sample.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <regex>
#include <set>
#include <stdexcept>

#include "app/canvas.h"
#include "app/device.h"
#include "app/npy.h"
#include "app/pictures.h"
#include "app/progress.h"
#include "app/saved_model.h"
#include "data/animation.h"
#include "learning/sampler.h"
#include "tensor/file.h"

namespace coopnets {

namespace fs = std::filesystem;

namespace {

constexpr int64_t elements_at_a_time = int64_t{1} << 21;  // of pictures, in one batch

Canvas canvas_of(const SavedModel &saved, const Options &options) {
  const Shape nominal = example_shape(*saved.experiment, saved.settings);
  Canvas canvas{saved.experiment->latent(saved.settings), nominal};
  if (!options.size.empty()) {
    if (!saved.experiment->any_size)
      throw std::runtime_error("the nets of the experiment '" + saved.experiment->name + "' make pictures of " +
                               std::to_string(nominal.h) + "x" + std::to_string(nominal.w) +
                               " alone; --size needs convolutional nets, as those of the experiment 'texture'");
    const auto [height, width] = *parse_size(options.size);
    canvas = Canvas::of_size(canvas.latent, nominal, height, width);
  }
  if (options.frames > 0) {
    Settings longer = saved.settings;
    longer.frames = options.frames;
    if (saved.experiment->data != DataKind::video)
      throw std::runtime_error("--frames is for videos; the experiment '" + saved.experiment->name +
                               "' makes pictures");
    canvas.latent = saved.experiment->latent(longer);
    canvas.wanted.t = options.frames;
  }
  return canvas;
}

std::string folder_beside(const std::string &checkpoint, const std::string &name) {
  const size_t slash = checkpoint.find_last_of('/');
  const std::string folder = (slash == std::string::npos ? "" : checkpoint.substr(0, slash + 1)) + name;
  create_folders(folder);
  return folder;
}

// The files of an earlier call: generator.png, descriptor_000012.png and the like. Nothing else in the folder is ours.
std::set<std::string> samples_in(const std::string &folder) {
  static const std::regex ours("(generator|descriptor)(_[0-9]{6,})?\\.(png|npy)");
  std::set<std::string> files;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && std::regex_match(entry.path().filename().string(), ours))
      files.insert(entry.path().string());
  return files;
}

// Samples of one kind on their way to disk. What is written goes from `older`, files of an earlier call.
class Writer {
 public:
  Writer(const std::string &folder, const std::string &kind, const Shape &shape, const Options &options,
         std::set<std::string> &older)
      : path_(folder + '/' + kind), shape_(shape.with_n(1)), npy_(options.save == "npy"), older_(older) {
    if (npy_) array_ = std::make_unique<NpyFile>(path_ + ".npy", shape.with_n(options.sample));
  }
  void add(const std::vector<real> &values) {
    const int64_t count = static_cast<int64_t>(values.size()) / shape_.size();
    if (npy_) array_->add(values);
    for (int64_t k = 0; k < count; ++k) {
      const auto first = values.begin() + k * shape_.size();
      if (!npy_) {
        char number[32];
        std::snprintf(number, sizeof number, "_%06lld", static_cast<long long>(written_ + k));
        save_examples(path_ + number, {first, first + shape_.size()}, shape_);
        older_.erase(path_ + number + ".png");
      }
      if (shown_.size() < size_t(most_shown * shape_.size())) shown_.insert(shown_.end(), first, first + shape_.size());
    }
    written_ += count;
  }
  void finish() {
    save_examples(path_, shown_, shape_.with_n(static_cast<int64_t>(shown_.size()) / shape_.size()));
    older_.erase(path_ + ".png");
    if (!npy_) return;
    array_->commit();
    older_.erase(path_ + ".npy");
  }

 private:
  static constexpr int64_t most_shown = 100;
  std::string path_;
  Shape shape_;
  bool npy_;
  std::set<std::string> &older_;
  std::unique_ptr<NpyFile> array_;
  std::vector<real> shown_;
  int64_t written_ = 0;
};

}  // namespace

int sample(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  if (!saved.model.generator)
    throw std::runtime_error(path + " holds no generator (algorithm " + saved.algorithm +
                             "), so it cannot make new samples; its chains are in the run's samples/");
  const Canvas canvas = canvas_of(saved, options);
  const Shape example = saved.model.generator->output(canvas.latent);
  Progress progress(options.sample, options.quiet);
  if (saved.model.descriptor && !saved.model.descriptor->takes(example)) {
    progress.warn("the descriptor is as large as the clips that it was trained on, so these samples are not revised");
    saved.model.descriptor.reset();
  }
  const int64_t batch = std::clamp<int64_t>(elements_at_a_time / example.size(), 1, options.sample);
  Sampler sampler(*backend, saved.model.descriptor.get(), *saved.model.generator, canvas.latent, batch,
                  Statistics::running);

  const std::string folder = folder_beside(path, "sampled");
  std::set<std::string> older = samples_in(folder);
  Writer generated(folder, "generator", canvas.wanted, options, older);
  Writer revised(folder, "descriptor", canvas.wanted, options, older);
  const double start = standard_screen().seconds();
  const auto keep = [&](int64_t first, const std::vector<real> &made, const std::vector<real> &better) {
    const int64_t count = std::min(batch, options.sample - first);
    generated.add(canvas.cut(made, example, count));
    if (!better.empty()) revised.add(canvas.cut(better, example, count));
    if (first / batch % 10 == 0 && options.sample > batch)
      progress.note(std::to_string(first + count) + " of " + std::to_string(options.sample) + " samples, " +
                    duration(standard_screen().seconds() - start));
  };
  sampler.draw(sampling_settings(saved, options.seed), options.sample, keep);
  generated.finish();
  if (saved.model.descriptor) revised.finish();
  for (const std::string &file : older) fs::remove(file);  // the folder holds the samples of one call
  progress.note(std::to_string(options.sample) + (options.sample == 1 ? " sample of " : " samples of ") +
                std::to_string(canvas.wanted.h) + "x" + std::to_string(canvas.wanted.w) +
                (canvas.wanted.t > 1 ? " and " + std::to_string(canvas.wanted.t) + " frames" : "") +
                (options.sample == 1 ? " is in " : " are in ") + folder + ": generator.png" +
                (saved.model.descriptor ? " and, revised by the descriptor, descriptor.png" : ""));
  return 0;
}

namespace {

// The point at t in [0, 1] on the great circle through a and b, its length between theirs: vectors of many normal
// numbers lie near a sphere, which a straight line would leave.
std::vector<real> slerp(const std::vector<real> &a, const std::vector<real> &b, double t) {
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
    ab += double(a[i]) * b[i];
  }
  const double angle = std::acos(std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0)), sine = std::sin(angle);
  const double wa = sine > 1e-6 ? std::sin((1 - t) * angle) / sine : 1 - t;
  const double wb = sine > 1e-6 ? std::sin(t * angle) / sine : t;
  std::vector<real> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = static_cast<real>(wa * a[i] + wb * b[i]);
  return out;
}

std::vector<real> line(const std::vector<real> &a, const std::vector<real> &b, double t) {
  std::vector<real> out(a.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = static_cast<real>((1 - t) * a[i] + t * b[i]);
  return out;
}

}  // namespace

int interpolate(const Options &options) {
  constexpr int64_t side = 8;
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  if (!saved.model.generator)
    throw std::runtime_error(path + " holds no generator, so there is nothing to walk between");
  Sampler sampler(*backend, nullptr, *saved.model.generator, saved.experiment->latent(saved.settings), side,
                  Statistics::running);
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  const auto z = [&](int64_t k) { return sampler.draw_latent(seed, k); };
  const std::string folder = folder_beside(path, "interpolation");
  for (const bool sphere : {false, true}) {
    std::vector<real> all;
    for (int64_t row = 0; row < side; ++row) {
      const double u = double(row) / (side - 1);
      const std::vector<real> from = sphere ? slerp(z(0), z(2), u) : z(2 * row);
      const std::vector<real> to = sphere ? slerp(z(1), z(3), u) : z(2 * row + 1);
      std::vector<real> latents;
      for (int64_t k = 0; k < side; ++k) {
        const double t = double(k) / (side - 1);
        const std::vector<real> one = sphere ? slerp(from, to, t) : line(from, to, t);
        latents.insert(latents.end(), one.begin(), one.end());
      }
      const std::vector<real> made = sampler.generate(latents);
      all.insert(all.end(), made.begin(), made.end());
    }
    save_examples(folder + (sphere ? "/sphere" : "/lines"), all, sampler.example().with_n(side * side), side * side,
                  side);
  }
  Progress(1, options.quiet)
      .note(folder + "/lines.png: each row walks between two latent vectors; " + folder +
            "/sphere.png: between four, at its corners");
  return 0;
}

}  // namespace coopnets
