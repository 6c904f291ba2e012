#include "experiments/experiment.h"

#include <algorithm>
#include <stdexcept>

#include "experiments/text.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

// ------------------------------------------------------------------------------------------------- quick presets

// What the small nets of pictures take to become good within minutes: many iterations of a few chains. Two Langevin
// steps, about as long together as ten of the paper's ratio delta = 0.3 s, and without noise. Weights and s are those of
// the quick textures, for the same reason: the energy's gradient has to grow about a hundredfold before it balances
// x / s^2, from the paper's weights and s about 10^8-fold. The rates keep the generator up with the descriptor and halve
// after each quarter of the run.
const std::string quickly =
    " temperature=0 langevin_steps=2 langevin_step_size=0.042 reference_deviation=0.066 descriptor_rate=0.002 "
    "generator_rate=0.003 halvings=3 descriptor_init=0.1 generator_init=0.02 ";
const std::string small_64 = "descriptor=small-64 generator=small-64 batch=24 chains=24 iterations=12000" + quickly;
const std::string quick_digits =
    "size=28 crop=none normalise=fixed held_out=10000 descriptor=small-32 "
    "generator=small-28 batch=64 chains=64 iterations=6000" +
    quickly;
const std::string quick_cifar10 =
    "size=32 normalise=fixed descriptor=small-32 generator=small-32 batch=64 chains=64 "
    "iterations=8000" +
    quickly;

// Weights and s are such that the energy's gradient balances the reference distribution's pull x / s^2 from the first
// iterations on: from the paper's small weights it must grow 10^5-fold first, in which Adam's aligned steps make all
// filters alike. As in the paper delta = 0.3 s, so that a revision moves a picture visibly; with shorter steps learning
// is a game between two nets and swings. T = 1, and the last six steps are cold, so that no noise is left.
const std::string textures =
    "descriptor=texture-scales generator=texture-noise border=9 crop=random batch=1 chains=1 latent=2 cold_steps=6 "
    "langevin_step_size=0.02 reference_deviation=0.066 descriptor_rate=0.0005 generator_rate=0.004 halvings=3 "
    "descriptor_init=0.1 ";

const char quick_video[] =
    "descriptor=FC_S-small generator=FC_S_128-small size=64 frames=32 batch=1 chains=1 latent=5 langevin_steps=10 "
    "descriptor_rate=0.01 generator_rate=1e-3 sigma=1 descriptor_init=0.001 generator_init=0.02";

// Langevin dynamics with all its noise. s is about the deviation of the data, so that the descriptor's own chains begin
// among them. delta is less than the thickness of the rings: a chain is stable where the energy bends by less than
// 4 / delta^2, and 0.05 was too long. The chains are short: the generator stays behind what they do to its points.
const std::string points =
    "size=1 examples=20000 latent=2 langevin_steps=12 langevin_step_size=0.035 reference_deviation=0.6 halvings=3 "
    "averaging=0.03 ";

// ------------------------------------------------------------------------------------------------- paper presets

const char ours[] = "ours, for two CPU cores";
const char published_m[] = "published: the authors' MatConvNet code [M]";
const char published_t[] = "published: the authors' TensorFlow code [T]";

const char paper_texture[] =
    "descriptor=texture generator=texture size=224 crop=none resize=bicubic batch=1 chains=1 latent=1 iterations=5000 "
    "langevin_steps=30 langevin_step_size=0.0023 reference_deviation=0.007666666666666667 residual_mean=batch "
    "optimizer=capped-momentum descriptor_rate=0.02 descriptor_cap=0.0784313725490196 generator_rate=1e-6 "
    "generator_cap=30 schedule_steps=80";
const char paper_object[] =
    "descriptor=object generator=object crop=none resize=bicubic chains=36 latent=2 epochs=3000 langevin_steps=10 "
    "langevin_step_size=0.005 residual_mean=batch optimizer=capped-momentum descriptor_rate=0.07 descriptor_cap=8 "
    "generator_rate=3e-4 generator_cap=8 schedule_steps=80";
// New samples are revised by 10 steps there (main.py), not by the 15 of training.
const std::string scene = "descriptor=scene generator=scene chains=144 sample_steps=10 ";
const char paper_digits[] =
    "size=28 crop=none normalise=fixed held_out=10000 descriptor=digits generator=digits chains=144 epochs=1000";
const char paper_cifar10[] =
    "size=32 crop=none descriptor=cifar10 generator=cifar10 batch=300 chains=900 epochs=500 langevin_steps=10 "
    "langevin_step_size=0.001 temperature=0 sample_steps=8 statistics=running descriptor_rate=0.003";
const char large_celeba[] =
    "descriptor=celeba generator=celeba size=128 normalise=fixed batch=64 chains=64 iterations=50000 "
    "descriptor_rate=0.003";
const char large_lsun[] =
    "descriptor=lsun generator=lsun size=256 normalise=fixed batch=32 chains=32 iterations=50000 "
    "descriptor_rate=0.003";
// The loss is a mean over all values there, so that Adam's epsilon counts.
const char paper_video[] =
    "descriptor=FC_S generator=FC_S_128 size=128 frames=64 batch=1 chains=2 latent=5 langevin_steps=10 "
    "descriptor_rate=0.01 generator_rate=2e-4 sigma=1 residual_mean=values descriptor_init=0.001";

using Kind = DataKind;

std::vector<Experiment> points_and_textures() {
  return {{"toy",
           "0: points of the plane, from a density that is known",
           Kind::points,
           "",
           2,
           false,
           {{"quick", ours,
             points + "descriptor=points generator=points batch=256 chains=256 iterations=1500 descriptor_rate=0.002 "
                      "generator_rate=0.0005"},
            {"paper", "ours: nets twice as wide, for long, as the papers have no such experiment",
             points + "descriptor=points-wide generator=points-wide batch=512 chains=512 iterations=20000 "
                      "descriptor_rate=0.001 generator_rate=0.0003"}}},
          {"texture",
           "1: stationary textures from one picture",
           Kind::texture,
           "datasets/texture/brick.png",
           3,
           true,
           {{"quick", ours, textures + "size=128 iterations=560 langevin_steps=20"},
            {"fine", "ours, for ten to twenty minutes of two CPU cores",
             textures + "size=192 iterations=1500 langevin_steps=20"},
            {"paper", published_m, paper_texture}},
           "cdrl"}};
}

std::vector<Experiment> scenes_and_digits() {
  return {
      {"object",
       "2: one object category, 64x64",
       Kind::pictures,
       "datasets/object",
       3,
       false,
       {{"quick", ours, small_64}, {"paper", published_m, paper_object}}},
      {"scene",
       "3: one or several scene categories, 64x64, with interpolation",
       Kind::pictures,
       "datasets/scene",
       3,
       false,
       {{"quick", ours, small_64}, {"paper", published_t, scene + "crop=none resize=nearest epochs=1000"}}},
      {"digits",
       "4: handwritten digits (MNIST) or garments (Fashion-MNIST), 28x28",
       Kind::digits,
       "datasets/digits",
       1,
       false,
       {{"quick", ours, quick_digits},
        {"paper",
         "published: the authors' TensorFlow code [T], which learns 5,000 of the 10,000 digits that are held out here",
         paper_digits}},
       "cdrl"}};
}

std::vector<Experiment> benchmarks() {
  return {{"cifar10",
           "5: CIFAR-10, 32x32",
           Kind::cifar,
           "datasets/cifar10",
           3,
           false,
           {{"quick", ours, quick_cifar10},
            {"paper",
             "published: the PyTorch code that the authors' page links [P], which learns the test pictures, too, and "
             "stretches each sample before it is scored",
             paper_cifar10}}},
          {"celeba",
           "5: CelebA, 128x128 (quick: 64x64)",
           Kind::pictures,
           "datasets/celeba",
           3,
           false,
           {{"quick", ours, "normalise=fixed " + small_64},
            {"paper", "ours at the paper's size: of its settings nothing is published", large_celeba}}},
          {"lsun",
           "5: LSUN, 256x256 (quick: 64x64)",
           Kind::pictures,
           "datasets/lsun",
           3,
           false,
           {{"quick", ours, "normalise=fixed " + small_64},
            {"paper", "ours at the paper's size: of its settings nothing is published", large_lsun}}}};
}

std::vector<Experiment> completion_and_video() {
  return {// Errors are measured on the pictures' own range.
          {"completion",
           "6: completion of pictures with a hidden square, 64x64",
           Kind::pictures,
           "datasets/scene",
           3,
           false,
           {{"quick", ours, small_64 + "normalise=fixed held_out=1000"},
            {"paper", "ours: the scene's of [T] for 11,000 iterations, as no settings are published",
             scene + "normalise=fixed held_out=1000 iterations=11000"}}},
          {"dynamic-texture",
           "7: dynamic textures, videos of 128x128",
           Kind::video,
           "datasets/dynamic-texture",
           3,
           false,
           {{"quick", ours, quick_video}, {"paper", "published: the authors' video code [V]", paper_video}},
           "cdrl"}};
}

}  // namespace

const std::vector<Experiment> &experiments() {
  static const std::vector<Experiment> all = [] {
    std::vector<Experiment> joined;
    for (const auto &part : {points_and_textures, scenes_and_digits, benchmarks, completion_and_video})
      for (Experiment &one : part()) joined.push_back(std::move(one));
    return joined;
  }();
  return all;
}

const Preset &Experiment::preset(const std::string &wanted) const {
  std::vector<std::string> names;
  for (const Preset &preset : presets) {
    if (preset.name == wanted) return preset;
    names.push_back(preset.name);
  }
  throw std::runtime_error("the experiment '" + name + "' has no preset " + quoted(wanted) + "; it has " +
                           either(names));
}

Settings Experiment::settings(const std::string &wanted) const {
  Settings s;
  s.set_all(preset(wanted).settings);
  return s;
}

Shape bordered(const Experiment &experiment, Shape shown, int64_t border) {
  if (experiment.data == DataKind::video) {
    shown.t += 2 * border;
  } else {
    shown.h += 2 * border;
    shown.w += 2 * border;
  }
  return shown;
}

Shape example_shape(const Experiment &experiment, const Settings &s) {
  const int64_t frames = experiment.data == DataKind::video ? s.frames : 1;
  return bordered(experiment, {1, frames, s.size, s.size, experiment.channels}, s.border);
}

Settings as_judged(const Experiment &experiment, Settings s) {
  if (experiment.data == DataKind::texture) s.size = std::max<int64_t>(s.size, 128);
  if (experiment.data == DataKind::video) s.frames = std::max<int64_t>(s.frames, 32);
  return s;
}

std::vector<std::string> unused_settings(const Experiment &experiment) {
  if (experiment.data == DataKind::points)
    return {"size",     "border", "frames",        "short",           "crop",
            "resize",   "alpha",  "mirror",        "normalise",       "category",
            "held_out", "parzen", "hidden_square", "inference_steps", "inference_restarts"};
  std::vector<std::string> unused = {"density"};
  if (experiment.data != DataKind::video) unused.insert(unused.end(), {"frames", "short"});
  if (experiment.data == DataKind::video || experiment.data == DataKind::texture)
    unused.insert(unused.end(), {"held_out", "examples", "mirror"});
  if (experiment.data != DataKind::texture && experiment.data != DataKind::video) unused.push_back("border");
  if (experiment.data != DataKind::digits) unused.push_back("parzen");
  if (experiment.data == DataKind::video)
    unused.insert(unused.end(), {"alpha", "hidden_square", "inference_steps", "inference_restarts"});
  return unused;
}

const Experiment &find_experiment(const std::string &name) {
  std::vector<std::string> names;
  for (const Experiment &e : experiments()) {
    if (e.name == name) return e;
    names.push_back(e.name);
  }
  throw std::runtime_error("there is no experiment " + quoted(name) + did_you_mean(name, names) +
                           " (coopnets --list shows them all)");
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Experiment &e : experiments())
    for (const Preset &preset : e.presets)
      if (std::find(names.begin(), names.end(), preset.name) == names.end()) names.push_back(preset.name);
  return names;
}

}  // namespace coopnets
