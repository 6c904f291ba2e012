#include "app/sample.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>

#include "app/canvas.h"
#include "app/device.h"
#include "app/latent_walk.h"
#include "app/model_sampler.h"
#include "app/picture_texts.h"
#include "app/pictures.h"
#include "app/point_plot.h"
#include "app/progress.h"
#include "app/sample_files.h"
#include "tensor/file.h"

namespace coopnets {

namespace fs = std::filesystem;

namespace {

constexpr int64_t loud = int64_t{1} << 18;  // elements from which on it is said what is being drawn

Canvas canvas_of(const SavedModel &saved, const Options &options) {
  const Shape nominal = example_shape(*saved.experiment, saved.settings);
  Canvas canvas = Canvas::of(*saved.experiment, saved.settings);
  if (!options.size.empty()) {
    if (!saved.experiment->any_size)
      throw std::runtime_error("the nets of the experiment '" + saved.experiment->name + "' make pictures of " +
                               std::to_string(nominal.h) + "x" + std::to_string(nominal.w) +
                               " alone; --size needs convolutional nets, as those of the experiment 'texture'");
    const auto [height, width] = *parse_size(options.size);
    canvas = saved.settings.border > 0 ? Canvas::unpadded(*saved.experiment, saved.settings, height, width)
                                       : Canvas::of_size(canvas.latent.at(0), nominal, height, width);
  }
  Settings longer = saved.chain ? as_judged(*saved.experiment, saved.settings) : saved.settings;
  if (options.frames > 0) {
    longer.frames = options.frames;
    if (saved.experiment->data != DataKind::video)
      throw std::runtime_error("--frames is for videos; the experiment '" + saved.experiment->name +
                               "' makes pictures");
    canvas.latent = latent_shapes(longer);
  }
  if (saved.experiment->data == DataKind::video) canvas.wanted.t = longer.frames;
  return canvas;
}

std::string folder_beside(const Options &options, const std::string &name) {
  const std::string folder = made_beside(options, name);
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

// "2 samples of 64x64", "500 points"
std::string said(int64_t count, const Shape &shape) {
  const std::string number = std::to_string(count);
  if (are_points(shape)) return number + (count == 1 ? " point" : " points");
  return number + (count == 1 ? " sample of " : " samples of ") + std::to_string(shape.h) + "x" +
         std::to_string(shape.w) + (shape.t > 1 ? " and " + std::to_string(shape.t) + " frames" : "");
}

// "2 samples of 64x64 are in FOLDER: ... (all on one sheet: ...)"
std::string closing_note(int64_t count, const Shape &shape, const std::string &folder,
                         const std::optional<SampleFiles> &generated, const std::optional<SampleFiles> &revised) {
  const std::optional<SampleFiles> &any = generated ? generated : revised;
  std::string names = any->names(), sheets = any->sheet();
  if (generated && revised) {
    names += " and, revised by the descriptor, " + revised->names();
    sheets += ", " + revised->sheet();
  }
  const int64_t shown = any->on_sheet();
  return said(count, shape) + (count == 1 ? " is in " : " are in ") + folder + ": " + names + " (" +
         (shown == count ? "all" : "the first " + std::to_string(shown)) + " on one sheet: " + sheets + ")";
}

// --save FILE.png: the one sample, as the descriptor has revised it where there is one.
void save_one(SampleSource &sampler, const SavedModel &saved, const Options &options, const Canvas &canvas,
              const Shape &example, bool revised, const PngTexts &texts, Task task) {
  const fs::path folder = fs::path(options.save).parent_path();
  if (!folder.empty() && !fs::is_directory(folder))
    throw std::runtime_error("cannot write " + options.save + ": there is no folder " + folder.string());
  draw_samples(sampler, saved, options.seed, 1, task,
               [&](int64_t, const std::vector<real> &made, const std::vector<real> &better) {
                 save_example(options.save.substr(0, options.save.size() - 4),
                              canvas.cut(revised ? better : made, example, 1), canvas.wanted, texts);
               });
}

// --save png or npy: into the folder `sampled`, which then holds the samples of this call alone. Returns a sentence
// that says what is where.
std::string save_all(SampleSource &sampler, const SavedModel &saved, const Options &options, const Canvas &canvas,
                     const Shape &example, bool revises, const PngTexts &texts, Progress &progress) {
  const bool array = options.save == "npy";
  const std::string folder = folder_beside(options, "sampled");
  std::set<std::string> older = samples_in(folder);
  std::optional<SampleFiles> generated, revised;
  if (!saved.maker.empty()) generated.emplace(folder, saved.maker, canvas.wanted, options.sample, array, older, texts);
  if (revises) revised.emplace(folder, "descriptor", canvas.wanted, options.sample, array, older, texts);
  if (options.sample * example.size() > loud)
    progress.note("drawing " + said(options.sample, canvas.wanted) + ", " + std::to_string(sampler.at_a_time()) +
                  " at a time");
  Task task(progress, "samples", options.sample);
  draw_samples(sampler, saved, options.seed, options.sample, task,
               [&](int64_t first, const std::vector<real> &made, const std::vector<real> &better) {
                 const int64_t count = std::min(sampler.at_a_time(), options.sample - first);
                 if (generated) generated->add(canvas.cut(made, example, count));
                 if (revised) revised->add(canvas.cut(better, example, count));
               });
  for (std::optional<SampleFiles> *files : {&generated, &revised})
    if (*files) (*files)->finish_array();
  for (std::optional<SampleFiles> *files : {&generated, &revised})
    if (*files) (*files)->write_sheet(saved.iteration);
  for (const std::string &file : older) fs::remove(file);
  return closing_note(options.sample, canvas.wanted, folder, generated, revised);
}

// The descriptor, where it can revise samples of that shape.
Network *reviser(const SavedModel &saved, const std::string &path, const Shape &example, Progress &progress) {
  Network *const descriptor = saved.model.descriptor.get();
  if (!descriptor || descriptor->takes({example})) return descriptor;
  if (!saved.model.generator)
    throw std::runtime_error(path + " holds no generator (algorithm " + saved.algorithm +
                             "), and its descriptor makes samples of the size that it was trained on alone");
  progress.warn("the descriptor is as large as the clips that it was trained on, so these samples are not revised");
  return nullptr;
}

}  // namespace

int sample(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  Canvas canvas = canvas_of(saved, options);
  Shape example = bordered(*saved.experiment, canvas.wanted, saved.settings.border);
  if (saved.model.generator) example = saved.model.generator->output(canvas.latent);
  if (saved.chain && (!options.size.empty() || saved.experiment->data == DataKind::video)) {
    example = saved.chain->set_example(example);
    canvas.top = (example.h - canvas.wanted.h) / 2;
    canvas.left = (example.w - canvas.wanted.w) / 2;
  }
  Progress progress(options);
  if (const std::string unlearned = unlearned_layer(saved); !unlearned.empty()) progress.warn(unlearned);
  Network *const descriptor = reviser(saved, path, example, progress);
  const std::unique_ptr<SampleSource> sampler =
      model_sampler(*backend, saved, path, descriptor, canvas.latent, example, options.sample);
  sampler->warn = [&](const std::string &text) { progress.warn(text); };

  const PngTexts texts = picture_texts(saved, path, options);
  if (options.save == "png" || options.save == "npy") {
    progress.note(save_all(*sampler, saved, options, canvas, example, descriptor != nullptr, texts, progress));
    return 0;
  }
  save_one(*sampler, saved, options, canvas, example, descriptor != nullptr, texts, Task(progress, "sample", 1));
  progress.note(options.save + " is one sample, " +
                (descriptor ? "revised by the descriptor" : "of the " + saved.maker));
  return 0;
}

namespace {

constexpr int64_t side_of_sheet = 8;

// What one can walk between, by number, and what becomes of a whole sheet of it.
struct Walk {
  Shape example;
  bool on_spheres;  // alone
  std::function<std::vector<real>(int64_t k)> end;
  // The sheet's rows are walks of their own.
  std::function<std::vector<real>(const std::vector<real> &sheet, bool rows)> made;
};

Walk between_latents(const std::shared_ptr<Sampler> &sampler, uint64_t seed) {
  return {sampler->example(), false, [=](int64_t k) { return sampler->draw_latent(seed, k); },
          [=](const std::vector<real> &sheet, bool) { return sampler->generate(sheet); }};
}

// Each walk is within a class, the first row's being that of sample 0.
Walk between_noises(ChainLearner &chain, const SavedModel &saved, uint64_t seed) {
  return {example_shape(*saved.experiment, saved.settings), true,
          [&chain, seed](int64_t k) { return chain.first_noise(seed, k); },
          [&chain, seed, classes = saved.settings.classes](const std::vector<real> &sheet, bool rows) {
            std::vector<int64_t> labels;
            for (int64_t k = 0; k < side_of_sheet * side_of_sheet; ++k)
              labels.push_back(rows && classes > 0 ? k / side_of_sheet % classes : 0);
            return chain.descend_from(seed, sheet, labels);
          }};
}

// A row from each even end to the odd one after it; or, between four ends, what lies between its corners.
std::vector<real> sheet_of(const Walk &walk, bool rows) {
  const auto between = [&](const std::vector<real> &a, const std::vector<real> &b, int64_t k) {
    const double t = double(k) / (side_of_sheet - 1);
    return rows && !walk.on_spheres ? on_line(a, b, t) : on_sphere(a, b, t);
  };
  std::vector<std::vector<real>> ends;
  for (int64_t k = 0; k < (rows ? 2 * side_of_sheet : 4); ++k) ends.push_back(walk.end(k));
  std::vector<real> all;  // of the whole sheet: batch norm may couple what is made together
  for (int64_t row = 0; row < side_of_sheet; ++row) {
    const std::vector<real> from = rows ? ends[size_t(2 * row)] : between(ends[0], ends[2], row);
    const std::vector<real> to = rows ? ends[size_t(2 * row + 1)] : between(ends[1], ends[3], row);
    for (int64_t k = 0; k < side_of_sheet; ++k) {
      const std::vector<real> one = between(from, to, k);
      all.insert(all.end(), one.begin(), one.end());
    }
  }
  return all;
}

}  // namespace

int interpolate(const Options &options) {
  constexpr int64_t pictures = side_of_sheet * side_of_sheet;
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  require_pictures(saved, "--interpolate");
  const bool descends = saved.chain && saved.chain->descends();
  if (!saved.model.generator && !descends)
    throw std::runtime_error(path + " holds no generator, so there is nothing to walk between");
  const Statistics statistics = saved.settings.statistics == "batch" ? Statistics::batch : Statistics::running;
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  const Walk walk =
      descends ? between_noises(*saved.chain, saved, seed)
               : between_latents(std::make_shared<Sampler>(*backend, nullptr, *saved.model.generator,
                                                           latent_shapes(saved.settings), pictures, statistics),
                                 seed);
  const std::string folder = folder_beside(options, "interpolation");
  const Canvas shown = Canvas::of(*saved.experiment, saved.settings);
  Progress progress(options);
  Task task(progress, "pictures of walks", 2 * pictures);
  for (const bool rows : {true, false}) {
    if (descends) saved.chain->watch = [&](double done) { task.reached(done + double(rows ? 0 : pictures)); };
    const std::vector<real> all = walk.made(sheet_of(walk, rows), rows);
    save_sheet(folder + (rows ? "/lines" : "/sphere"), shown.cut(all, walk.example.with_n(pictures)),
               shown.wanted.with_n(pictures), picture_texts(saved, path, options), "", pictures, side_of_sheet);
  }
  const std::string ends = descends ? " noises, on a sphere; " : " latent vectors; ";
  progress.note(folder + "/lines.png: each row walks between two" + ends + folder +
                "/sphere.png: between four, at its corners");
  return 0;
}

}  // namespace coopnets
