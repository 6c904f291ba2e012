// Pattern completion by a trained model.
#pragma once
#include "app/saved_model.h"
#include "data/image.h"
#include "data/png_texts.h"
#include "learning/inference.h"
#include "metrics/completion.h"

namespace coopnets {

int complete(const Options &);  // --complete [PICTURE] [--mask FILE]

// A model that fills the hidden part of pictures, visible pixels staying as they are. Of a generator the latent vector is
// inferred from the visible pixels, and g(z) fills the hole; a chain that descends from noise moves hidden pixels alone.
class Completion {
 public:
  Completion(Backend &, SavedModel &, const Settings &, uint64_t seed);

  // The sentence with which so many are begun.
  std::string beginning(int64_t count) const;
  // Tells what share of a fill() is done.
  void watch(std::function<void(double share)> told) { settings_.watch = std::move(told); }
  // What the model makes to fit what is visible: g(z) of the latent vectors. Values [count, ...] in [-1, 1], one mask a
  // picture.
  std::vector<real> reconstruct(const std::vector<real> &pictures, const std::vector<Mask> &masks);
  // The same with what is visible as it was.
  std::vector<real> fill(const std::vector<real> &pictures, const std::vector<Mask> &masks);
  // The same of a generator, by the discriminator's help (rivals/dcgan_completion.h).
  std::vector<real> fill_as_gan(Network &discriminator, const std::vector<real> &pictures,
                                const std::vector<Mask> &masks);

 private:
  // 1 for each value that its mask leaves visible, else 0.
  std::vector<real> visible(const std::vector<Mask> &masks) const;
  Backend &backend_;
  const Shape example_;
  ChainLearner *chain_;
  Network *generator_;  // where there is no chain
  std::vector<Shape> latent_;
  InferenceSettings settings_;
};

// The same pictures with their hidden pixels black.
std::vector<real> occluded(std::vector<real> pictures, const std::vector<Mask> &masks);

// A mask from a picture: white is hidden. Throws std::runtime_error naming the path when it hides nothing or all.
Mask mask_of(const Image &, const std::string &path);
// What the nets are shown of a picture: of crop=random, which takes windows, the one in the middle.
Crop crop_of(const Settings &);
// One fitted to the size of the nets as pictures are.
Mask load_mask(const std::string &path, const Shape &example, const Settings &);

// The side of the hidden square: as the settings have it, else in proportion as M30 of 64 pixels.
int64_t hidden_side(const Settings &, const Shape &example);
// The masks of the paper for `count` pictures: squares of `side` pixels, or the file of --mask for each.
std::vector<Mask> square_masks(const Shape &example, int64_t side, uint64_t seed, int64_t count);

// Three rows, ten pictures wide: original, occluded, recovered.
void save_completion(const std::string &path, const std::vector<real> &pictures, const std::vector<real> &recovered,
                     const std::vector<Mask> &masks, const Shape &example, const PngTexts &);

}  // namespace coopnets
