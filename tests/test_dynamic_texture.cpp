// The nets of the authors' TensorFlow code, by shape alone: nothing is allocated.
#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "experiments/experiment.h"
#include "experiments/model.h"
#include "files.h"

namespace coopnets {
namespace {

Settings paper(int64_t size, int64_t frames, const std::string &descriptor, const std::string &generator) {
  Settings s = find_experiment("dynamic-texture").settings("paper");
  s.size = size;
  s.frames = frames;
  s.descriptor = descriptor;
  s.generator = generator;
  return s;
}

// "output, filters" of each layer.
std::vector<std::string> shapes(Shape x, const std::vector<Layer> &layers) {
  std::vector<std::string> all;
  for (const Layer &layer : layers) {
    const Geometry g = geometry(layer, x);
    all.push_back(g.out.str() + ", " + g.filters.str());
    x = g.out;
  }
  return all;
}
using Strings = std::vector<std::string>;

Strings generator_shapes(const Settings &s) {
  const Experiment &e = find_experiment("dynamic-texture");
  return shapes(e.latent(s), e.generator(s));
}
Strings descriptor_shapes(const Settings &s) {
  const Experiment &e = find_experiment("dynamic-texture");
  return shapes(example_shape(e, s), e.descriptor(s));
}

TEST(DynamicTexture, GeneratorFcS128) {
  const Settings s = paper(128, 64, "FC_S", "FC_S_128");
  EXPECT_EQ(find_experiment("dynamic-texture").latent(s), (Shape{1, 10, 1, 1, 5}));
  EXPECT_EQ(generator_shapes(s), (Strings{"1x14x1x1x256, 5x1x1x256x5", "1x32x32x32x128, 5x32x32x128x256",
                                          "1x64x64x64x64, 5x5x5x64x128", "1x64x128x128x3, 2x5x5x3x64"}));
}

TEST(DynamicTexture, GeneratorFcS64) {
  const Settings s = paper(64, 64, "FC_S", "FC_S_64");
  EXPECT_EQ(find_experiment("dynamic-texture").latent(s), (Shape{1, 10, 1, 1, 5}));
  EXPECT_EQ(generator_shapes(s),
            (Strings{"1x14x1x1x256, 5x1x1x256x5", "1x32x32x32x128, 5x32x32x128x256", "1x64x64x64x3, 5x5x5x3x128"}));
}

TEST(DynamicTexture, GeneratorSt) {
  const Settings s = paper(64, 64, "FC_S", "ST");
  EXPECT_EQ(find_experiment("dynamic-texture").latent(s), (Shape{1, 4, 4, 4, 5}));
  EXPECT_EQ(generator_shapes(s),
            (Strings{"1x4x4x4x512, 4x4x4x512x5", "1x8x8x8x256, 4x4x4x256x512", "1x16x16x16x128, 4x4x4x128x256",
                     "1x32x32x32x64, 4x4x4x64x128", "1x64x64x64x3, 4x4x4x3x64"}));
}

TEST(DynamicTexture, BatchNormalisationAndActivations) {
  for (const char *name : {"FC_S_64", "FC_S_128", "ST", "quick"}) {
    const std::vector<Layer> layers = find_experiment("dynamic-texture").generator(paper(64, 64, "FC_S", name));
    for (size_t i = 0; i < layers.size(); ++i) {
      const bool last = i + 1 == layers.size();
      EXPECT_EQ(layers[i].batch_norm, !last) << name << i;
      EXPECT_EQ(layers[i].activation.kind, last ? Activation::tanh : Activation::leaky_relu) << name << i;
      EXPECT_EQ(layers[i].activation.slope, 0) << name << i;
    }
  }
}

TEST(DynamicTexture, Descriptors) {
  EXPECT_EQ(descriptor_shapes(paper(128, 64, "FC_S", "FC_S_128")),
            (Strings{"1x32x64x64x120, 5x5x5x3x120", "1x16x1x1x30, 5x64x64x120x30", "1x8x1x1x10, 5x1x1x30x10"}));
  EXPECT_EQ(descriptor_shapes(paper(64, 64, "FRAME_2", "ST")),
            (Strings{"1x64x32x32x200, 3x7x7x3x200", "1x1x1x1x10, 64x32x32x200x10"}));
  EXPECT_EQ(descriptor_shapes(paper(64, 64, "FRAME_3", "ST")),
            (Strings{"1x64x32x32x120, 1x3x3x3x120", "1x32x16x16x200, 3x3x3x120x200", "1x1x1x1x1, 32x16x16x200x1"}));
}

TEST(DynamicTexture, PresetsMakeWhatTheDescriptorTakes) {
  const Experiment &e = find_experiment("dynamic-texture");
  for (const char *preset : {"quick", "paper"}) {
    const Settings s = e.settings(preset);
    Shape x = e.latent(s);
    for (const Layer &layer : e.generator(s)) x = geometry(layer, x).out;
    EXPECT_EQ(x, example_shape(e, s)) << preset;
  }
}

// The shortest latent sequence for any number of frames: one less would not do.
TEST(DynamicTexture, LatentSequencesAreLongEnoughAndNoLonger) {
  const Experiment &e = find_experiment("dynamic-texture");
  for (const char *name : {"FC_S_64", "FC_S_128", "ST", "quick"})
    for (int64_t frames = 1; frames <= 130; ++frames) {
      const Settings s = paper(64, frames, "FC_S", name);
      const auto made = [&](Shape x) {
        for (const Layer &layer : e.generator(paper(64, 64, "FC_S", name))) x = geometry(layer, x).out;
        return x.t;
      };
      Shape latent = e.latent(s);
      EXPECT_GE(made(latent), frames) << name;
      if (--latent.t > 0) {
        EXPECT_LT(made(latent), frames) << name;
      }
    }
}

TEST(DynamicTexture, UnknownNetsAndUnsuitableSizesSayWhatThereIs) {
  const Experiment &e = find_experiment("dynamic-texture");
  EXPECT_CONTAINS(error_of([&] { e.generator(paper(64, 64, "FC_S", "FC_S_256")); }), "FC_S_64, FC_S_128, ST or quick");
  EXPECT_CONTAINS(error_of([&] { e.descriptor(paper(64, 64, "FRAME", "ST")); }), "FC_S, FRAME_2, FRAME_3 or quick");
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  for (const auto &[size, frames] : {std::pair<int64_t, int64_t>{16, 30}, {18, 28}, {3, 28}, {16, 1}})
    EXPECT_CONTAINS(error_of([&, size = size, frames = frames] {
                      make_model(*backend, e, paper(size, frames, "quick", "quick"), 1);
                    }),
                    "--set frames=");
}

}  // namespace
}  // namespace coopnets
