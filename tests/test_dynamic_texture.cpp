// The nets of the authors' TensorFlow code, by shape alone: nothing is allocated.
#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "experiments/experiment.h"
#include "experiments/model.h"
#include "files.h"
#include "rivals/rival.h"

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

using Strings = std::vector<std::string>;

Sketch generator_of(const Settings &s) {
  return sketch(find_net(Net::generator, s.generator).function(s), "generator", latent_shapes(s));
}

// "output, filters" of each layer.
Strings shapes(const Sketch &net) {
  Strings all;
  size_t line = 0;
  for (const ParameterSpec &p : net.parameters) {
    if (p.kind != ParameterSpec::filters) continue;
    const std::string &text = net.lines.at(line++);
    all.push_back(text.substr(text.find("-> ") + 3) + ", " + p.shape.str());
  }
  return all;
}

Strings generator_shapes(const Settings &s) { return shapes(generator_of(s)); }
Strings descriptor_shapes(const Settings &s) {
  const Experiment &e = find_experiment("dynamic-texture");
  return shapes(sketch(find_net(Net::descriptor, s.descriptor).function(s), "descriptor", {example_shape(e, s)}));
}

TEST(DynamicTexture, GeneratorFcS128) {
  const Settings s = paper(128, 64, "FC_S", "FC_S_128");
  EXPECT_EQ(latent_shapes(s), (std::vector<Shape>{{1, 10, 1, 1, 5}}));
  EXPECT_EQ(generator_shapes(s), (Strings{"14x1x1 x 256, 5x1x1x256x5", "32x32x32 x 128, 5x32x32x128x256",
                                          "64x64x64 x 64, 5x5x5x64x128", "64x128x128 x 3, 2x5x5x3x64"}));
}

TEST(DynamicTexture, GeneratorFcS64) {
  const Settings s = paper(64, 64, "FC_S", "FC_S_64");
  EXPECT_EQ(latent_shapes(s), (std::vector<Shape>{{1, 10, 1, 1, 5}}));
  EXPECT_EQ(generator_shapes(s),
            (Strings{"14x1x1 x 256, 5x1x1x256x5", "32x32x32 x 128, 5x32x32x128x256", "64x64x64 x 3, 5x5x5x3x128"}));
}

TEST(DynamicTexture, GeneratorSt) {
  const Settings s = paper(64, 64, "FC_S", "ST");
  EXPECT_EQ(latent_shapes(s), (std::vector<Shape>{{1, 4, 4, 4, 5}}));
  EXPECT_EQ(generator_shapes(s),
            (Strings{"4x4x4 x 512, 4x4x4x512x5", "8x8x8 x 256, 4x4x4x256x512", "16x16x16 x 128, 4x4x4x128x256",
                     "32x32x32 x 64, 4x4x4x64x128", "64x64x64 x 3, 4x4x4x3x64"}));
}

TEST(DynamicTexture, BatchNormalisationAndActivations) {
  for (const char *name : {"FC_S_64", "FC_S_128", "ST", "FC_S_128-small"}) {
    const Strings lines = generator_of(paper(64, 64, "FC_S", name)).lines;
    for (size_t i = 0; i < lines.size(); ++i)
      EXPECT_CONTAINS(lines[i], i + 1 == lines.size() ? ", tanh -> " : ", batch norm, ReLU -> ") << name;
  }
}

TEST(DynamicTexture, Descriptors) {
  EXPECT_EQ(descriptor_shapes(paper(128, 64, "FC_S", "FC_S_128")),
            (Strings{"32x64x64 x 120, 5x5x5x3x120", "16x1x1 x 30, 5x64x64x120x30", "8x1x1 x 10, 5x1x1x30x10"}));
  EXPECT_EQ(descriptor_shapes(paper(64, 64, "FRAME_2", "ST")),
            (Strings{"64x32x32 x 200, 3x7x7x3x200", "1x1 x 10, 64x32x32x200x10"}));
  EXPECT_EQ(descriptor_shapes(paper(64, 64, "FRAME_3", "ST")),
            (Strings{"64x32x32 x 120, 1x3x3x3x120", "32x16x16 x 200, 3x3x3x120x200", "1x1 x 1, 32x16x16x200x1"}));
}

TEST(DynamicTexture, PresetsMakeWhatTheDescriptorTakes) {
  const Experiment &e = find_experiment("dynamic-texture");
  for (const char *preset : {"quick", "paper"}) {
    const Settings s = e.settings(preset);
    EXPECT_EQ(generator_of(s).outputs.at(0), example_shape(e, s)) << preset;
  }
}

// Quick clips are learned by CDRL, published ones cooperatively; of what CDRL is shown its nets make as much.
TEST(DynamicTexture, CdrlTakesItsPresets) {
  const Experiment &e = find_experiment("dynamic-texture");
  EXPECT_EQ(e.algorithm("quick"), "cdrl");
  EXPECT_EQ(e.algorithm("paper"), "cooperative");
  const Rival &rival = *find_rival("cdrl");
  for (const char *preset : {"quick", "paper"}) {
    const Settings s = rival_settings(rival, e, preset);
    const Shape example = example_shape(e, s);
    const std::vector<Sketch> nets = rival.chain_nets(example, s);
    EXPECT_EQ(nets[0].outputs.at(0), Shape()) << preset;
    EXPECT_EQ(nets[1].outputs.at(0), example) << preset;
  }
  const Settings quick = rival_settings(rival, e, "quick");
  EXPECT_EQ(example_shape(e, quick), (Shape{1, 12, 64, 64, 3}));
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  EXPECT_CONTAINS(error_of([&] { make_model(*backend, e, quick, 1); }), "--algorithm cdrl");
}

// The shortest latent sequence for any number of frames: one less would not do.
TEST(DynamicTexture, LatentSequencesAreLongEnoughAndNoLonger) {
  for (const char *name : {"FC_S_64", "FC_S_128", "ST", "FC_S_128-small"})
    for (int64_t frames = 1; frames <= 130; ++frames) {
      const NetFunction net = find_net(Net::generator, name).function(paper(64, 64, "FC_S", name));
      const auto made = [&](const Shape &x) { return sketch(net, "generator", {x}).outputs.at(0).t; };
      Shape latent = latent_shapes(paper(64, frames, "FC_S", name)).at(0);
      EXPECT_GE(made(latent), frames) << name;
      if (--latent.t > 0) {
        EXPECT_LT(made(latent), frames) << name;
      }
    }
}

TEST(DynamicTexture, UnknownNetsAndUnsuitableSizesSayWhatThereIs) {
  const Experiment &e = find_experiment("dynamic-texture");
  EXPECT_CONTAINS(error_of([&] { latent_shapes(paper(64, 64, "FC_S", "FC_S_256")); }), "FC_S_64, FC_S_128, ST, ");
  EXPECT_CONTAINS(error_of([&] { descriptor_shapes(paper(64, 64, "FRAME", "ST")); }), "FC_S, FRAME_2, FRAME_3, ");
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  // 4 L + 24 frames of a latent sequence of L, sides that are multiples of 4.
  const auto advice = [&](int64_t size, int64_t frames, const char *descriptor, const char *generator) {
    const std::string text = error_of([&] { make_model(*backend, e, paper(size, frames, descriptor, generator), 1); });
    return text.substr(text.find(". The nearest that fit: ") + 2);
  };
  const std::string nearest = "The nearest that fit: --set ";
  EXPECT_EQ(advice(16, 30, "FC_S-small", "FC_S_128-small"), nearest + "frames=28 or frames=32");
  EXPECT_EQ(advice(18, 28, "FC_S-small", "FC_S_128-small"), nearest + "size=16 or size=20");
  EXPECT_EQ(advice(3, 28, "FC_S-small", "FC_S_128-small"), nearest + "size=4");
  EXPECT_EQ(advice(16, 1, "FC_S-small", "FC_S_128-small"), nearest + "frames=28");
  EXPECT_EQ(advice(18, 30, "FC_S-small", "FC_S_128-small"),
            nearest + "size=16 or size=20, with frames=28 or frames=32");
  EXPECT_EQ(advice(63, 64, "FRAME_2", "FC_S_64"), nearest + "size=62 or size=64");
  EXPECT_EQ(advice(64, 40, "FC_S", "ST"), nearest + "frames=32 or frames=48");  // multiples of 16
}

// What is advised can be made, and nothing nearer.
TEST(DynamicTexture, TheNearestNumbersOfFramesThatFit) {
  const Experiment &e = find_experiment("dynamic-texture");
  for (const char *descriptor : {"FC_S", "FRAME_2", "FRAME_3", "FC_S-small"})
    for (const char *generator : {"FC_S_64", "FC_S_128", "ST", "FC_S_128-small"}) {
      const auto near = [&](int64_t frames) {
        return frames_that_fit(e, paper(64, 1000, descriptor, generator), frames);
      };
      using Frames = std::vector<int64_t>;
      const bool st = generator == std::string("ST");
      EXPECT_EQ(near(64), Frames{64});
      EXPECT_EQ(near(1), Frames{st ? 16 : 28});
      EXPECT_EQ(near(31), (st ? Frames{16, 32} : Frames{28, 32}));
      EXPECT_EQ(near(33), (st ? Frames{32, 48} : Frames{32, 36}));
    }
}

}  // namespace
}  // namespace coopnets
