#include "app/complete.h"

#include <algorithm>
#include <stdexcept>

#include "app/complete_pictures.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/picture_texts.h"
#include "app/pictures.h"
#include "app/progress.h"
#include "experiments/examples.h"
#include "rivals/dcgan_completion.h"

namespace coopnets {

namespace {

constexpr int64_t chains_at_a_time = 64;
constexpr int64_t shown = 10;

ChainLearner *chain_of(SavedModel &saved) {
  return saved.chain && saved.chain->descends() ? saved.chain.get() : nullptr;
}

Network *generator_of(SavedModel &saved) {
  if (chain_of(saved)) return nullptr;
  if (saved.model.generator) return saved.model.generator.get();
  throw std::runtime_error("completion needs a generator of pictures, and this checkpoint of the experiment '" +
                           saved.experiment->name + "' (algorithm " + saved.algorithm + ") has none");
}

// The visible values of the pictures in place of those that were made.
void lay_visible_over(std::vector<real> &made, const std::vector<real> &pictures, const std::vector<real> &seen) {
  for (size_t i = 0; i < made.size(); ++i)
    if (seen[i] == 1) made[i] = pictures[i];
}

}  // namespace

Completion::Completion(Backend &backend, SavedModel &saved, const Settings &s, uint64_t seed)
    : backend_(backend),
      example_(example_shape(*saved.experiment, saved.settings)),
      chain_(chain_of(saved)),
      generator_(generator_of(saved)),
      latent_(latent_shapes(saved.settings)) {
  settings_.restarts = s.inference_restarts;
  settings_.steps = s.inference_steps;
  settings_.sigma = s.sigma;
  settings_.seed = seed;
}

std::string Completion::beginning(int64_t count) const {
  const std::string pictures = std::to_string(count) + (count == 1 ? " picture" : " pictures");
  if (chain_) return "completing " + pictures + ", level by level";
  return "inferring the latent vectors of " + pictures + " by " + std::to_string(settings_.steps) + " Langevin steps";
}

std::vector<real> Completion::visible(const std::vector<Mask> &masks) const {
  std::vector<real> all;
  for (const Mask &mask : masks)
    for (const uint8_t hidden : mask.hidden) all.insert(all.end(), size_t(example_.c), hidden ? real(0) : real(1));
  return all;
}

std::vector<real> Completion::reconstruct(const std::vector<real> &pictures, const std::vector<Mask> &masks) {
  if (chain_) {
    chain_->watch = [&](double pictures_done) {
      if (settings_.watch) settings_.watch(pictures_done / double(masks.size()));
    };
    return chain_->complete(settings_.seed, pictures, visible(masks));
  }
  std::vector<real> made;
  for (const Inferred &one :
       infer_latents(backend_, *generator_, latent_, pictures, visible(masks), settings_, chains_at_a_time))
    made.insert(made.end(), one.example.begin(), one.example.end());
  return made;
}

std::vector<real> Completion::fill(const std::vector<real> &pictures, const std::vector<Mask> &masks) {
  std::vector<real> filled = reconstruct(pictures, masks);
  lay_visible_over(filled, pictures, visible(masks));
  return filled;
}

std::vector<real> Completion::fill_as_gan(Network &discriminator, const std::vector<real> &pictures,
                                          const std::vector<Mask> &masks) {
  const std::vector<real> seen = visible(masks);
  GanCompletion s;
  s.steps = settings_.steps;
  s.restarts = settings_.restarts;
  s.seed = settings_.seed;
  std::vector<real> filled =
      gan_completion(backend_, *generator_, discriminator, latent_.at(0), pictures, seen, s, chains_at_a_time);
  lay_visible_over(filled, pictures, seen);
  return filled;
}

std::vector<real> occluded(std::vector<real> pictures, const std::vector<Mask> &masks) {
  size_t at = 0;
  for (const Mask &mask : masks) {
    const size_t channels = pictures.size() / masks.size() / mask.hidden.size();
    for (const uint8_t hidden : mask.hidden)
      for (size_t c = 0; c < channels; ++c, ++at)
        if (hidden) pictures[at] = -1;
  }
  return pictures;
}

Mask mask_of(const Image &image, const std::string &path) {
  Mask mask{image.height, image.width, {}};
  int64_t count = 0;
  for (const uint8_t pixel : image.pixels) {
    mask.hidden.push_back(pixel >= 128);
    count += mask.hidden.back();
  }
  if (count == 0) throw std::runtime_error("the mask " + path + " hides nothing: white pixels are hidden");
  if (count == int64_t(mask.hidden.size()))
    throw std::runtime_error("the mask " + path + " hides everything: black pixels are visible");
  return mask;
}

Crop crop_of(const Settings &s) { return s.crop == "random" ? Crop{Crop::target, 0} : parse_crop(s.crop); }

Mask load_mask(const std::string &path, const Shape &example, const Settings &s) {
  return mask_of(fit(load_image(path, 1, Alpha::ignore), example.h, example.w, crop_of(s), parse_resize(s.resize)),
                 path);
}

int64_t hidden_side(const Settings &s, const Shape &example) {
  return s.hidden_square ? s.hidden_square : (30 * example.h + 32) / 64;
}

std::vector<Mask> square_masks(const Shape &example, int64_t side, uint64_t seed, int64_t count) {
  if (side >= std::min(example.h, example.w))
    throw std::runtime_error("a hidden square of " + std::to_string(side) +
                             " pixels leaves too little of pictures of " + std::to_string(example.h) + "x" +
                             std::to_string(example.w) + " (--set hidden_square=...)");
  std::vector<Mask> masks;
  for (int64_t k = 0; k < count; ++k) masks.push_back(square_mask(example.h, example.w, side, seed, uint64_t(k)));
  return masks;
}

void save_completion(const std::string &path, const std::vector<real> &pictures, const std::vector<real> &recovered,
                     const std::vector<Mask> &masks, const Shape &example, const PngTexts &texts) {
  const int64_t count = std::min<int64_t>(shown, int64_t(masks.size()));
  const std::vector<real> hidden = occluded(pictures, masks);
  std::vector<real> rows;
  for (const std::vector<real> *row : {&pictures, &hidden, &recovered})
    rows.insert(rows.end(), row->begin(), row->begin() + count * example.size());
  save_sheet(path, rows, example.with_n(3 * count), texts, "", 3 * count, count);
}

int complete(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  require_pictures(saved, "--complete");
  if (saved.experiment->data == DataKind::video)
    throw std::runtime_error("--complete fills pictures, and the experiment '" + saved.experiment->name +
                             "' has clips");
  const Settings &settings = saved.settings;
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  Progress progress(options);
  Completion completion(*backend, saved, settings, seed);
  if (!options.picture.empty()) {
    complete_pictures(completion, saved, path, options, progress);
    return 0;
  }
  const Shape example = example_shape(*saved.experiment, settings);
  const auto examples = open_examples(
      *saved.experiment, settings, data_path(options, *saved.experiment), saved.seed,
      [&](const std::string &text) { progress.warn(text); }, settings.held_out > 0 ? Part::held_out : Part::train);
  const std::vector<real> pictures = examples->range(0, std::min(shown, examples->size()));
  const int64_t count = int64_t(pictures.size()) / example.size();
  const std::vector<Mask> masks = options.mask.empty()
                                      ? square_masks(example, hidden_side(settings, example), seed, count)
                                      : std::vector<Mask>(count, load_mask(options.mask, example, settings));
  progress.note(completion.beginning(count));
  Task task(progress, "pictures", count);
  completion.watch([&](double share) { task.reached(share * double(count)); });
  const std::vector<real> filled = completion.fill(pictures, masks);
  save_completion(made_beside(options, "completed"), pictures, filled, masks, example,
                  picture_texts(saved, path, options));
  progress.note(made_beside(options, "completed.png") + ": original, occluded and recovered pictures, a row each");
  return 0;
}

}  // namespace coopnets
