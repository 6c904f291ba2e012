// The nets of the experiments: the published shapes layer by layer, and what is made of settings. No big net is
// allocated.
#include "experiments/model.h"

#include <cmath>
#include <set>
#include <tuple>

#include "app/list.h"
#include "cpu/cpu.h"
#include "files.h"

namespace coopnets {
namespace {

Sketch descriptor_of(const Experiment &e, const Settings &s) {
  return sketch(find_net(Net::descriptor, s.descriptor).function(s), "descriptor", {example_shape(e, s)});
}
Sketch generator_of(const Settings &s) {
  return sketch(find_net(Net::generator, s.generator).function(s), "generator", latent_shapes(s));
}

// "33x33x64" of each layer, frames in front where there are several.
std::vector<std::string> shapes(const Sketch &net) {
  std::vector<std::string> all;
  for (const std::string &line : net.lines) {
    const std::string shape = line.substr(line.find("-> ") + 3);
    const size_t x = shape.find(" x ");
    all.push_back(shape.substr(0, x) + "x" + shape.substr(x + 3));
  }
  return all;
}

using Shapes = std::vector<std::string>;
struct Published {
  const char *experiment;
  Shape example, latent;
  Shapes descriptor, generator;
};
const std::vector<Published> &published() {
  static const std::vector<Published> all = {
      {"toy",
       {1, 1, 1, 1, 2},
       {1, 1, 1, 1, 2},
       {"1x1x2", "1x1x128", "1x1x128", "1x1x128", "1x1x128", "1x1x128", "1x1x128", "1x1x1"},
       {"1x1x2", "1x1x128", "1x1x128", "1x1x128", "1x1x128", "1x1x128", "1x1x128", "1x1x2", "1x1x2", "1x1x2", "1x1x2"}},
      {"texture",
       {1, 1, 224, 224, 3},
       {1, 1, 7, 7, 1},
       {"75x75x100", "75x75x70", "75x75x30"},
       {"14x14x512", "28x28x256", "56x56x128", "112x112x64", "224x224x3"}},
      {"object",
       {1, 1, 64, 64, 3},
       {1, 1, 1, 1, 2},
       {"33x33x64", "36x36x128", "1x1x2"},
       {"4x4x512", "8x8x256", "16x16x128", "32x32x64", "64x64x3"}},
      {"scene",
       {1, 1, 64, 64, 3},
       {1, 1, 1, 1, 100},
       {"32x32x64", "16x16x128", "16x16x256", "1x1x100"},
       {"4x4x512", "8x8x256", "16x16x128", "32x32x64", "64x64x3"}},
      {"digits",
       {1, 1, 28, 28, 1},
       {1, 1, 1, 1, 100},
       {"14x14x64", "7x7x128", "4x4x256", "1x1x100"},
       {"4x4x512", "7x7x256", "14x14x128", "28x28x1"}},
      {"cifar10",
       {1, 1, 32, 32, 3},
       {1, 1, 1, 1, 100},
       {"15x15x64", "8x8x128", "8x8x256", "1x1x100"},
       {"4x4x256", "8x8x128", "16x16x64", "32x32x3"}},
      {"celeba",
       {1, 1, 128, 128, 3},
       {1, 1, 1, 1, 100},
       {"64x64x64", "32x32x128", "16x16x256", "16x16x512", "1x1x100"},
       {"4x4x512", "8x8x512", "16x16x256", "32x32x128", "64x64x64", "128x128x3"}},
      {"lsun",
       {1, 1, 256, 256, 3},
       {1, 1, 1, 1, 100},
       {"128x128x64", "64x64x128", "32x32x256", "16x16x512", "16x16x512", "1x1x100"},
       {"4x4x512", "8x8x512", "16x16x512", "32x32x256", "64x64x128", "128x128x64", "256x256x3"}},
      {"completion",
       {1, 1, 64, 64, 3},
       {1, 1, 1, 1, 100},
       {"32x32x64", "16x16x128", "16x16x256", "1x1x100"},
       {"4x4x512", "8x8x256", "16x16x128", "32x32x64", "64x64x3"}},
      {"dynamic-texture",
       {1, 64, 128, 128, 3},
       {1, 10, 1, 1, 5},
       {"32x64x64x120", "16x1x1x30", "8x1x1x10"},
       {"14x1x1x256", "32x32x32x128", "64x64x64x64", "64x128x128x3"}}};
  return all;
}

TEST(Model, the_paper_presets_have_the_published_shapes) {
  ASSERT_EQ(published().size(), experiments().size());
  for (const Published &p : published()) {
    SCOPED_TRACE(p.experiment);
    const Experiment &e = find_experiment(p.experiment);
    const Settings s = e.settings("paper");
    EXPECT_EQ(example_shape(e, s).str(), p.example.str());
    EXPECT_EQ(latent_shapes(s), std::vector<Shape>{p.latent});
    EXPECT_EQ(shapes(descriptor_of(e, s)), p.descriptor);
    EXPECT_EQ(shapes(generator_of(s)), p.generator);
  }
}

TEST(Model, every_preset_of_every_experiment_fits_together) {
  for (const Experiment &e : experiments()) {
    std::set<std::string> names;
    for (const Preset &preset : e.presets) {
      SCOPED_TRACE(e.name + ' ' + preset.name);
      EXPECT_TRUE(names.insert(preset.name).second);
      EXPECT_FALSE(preset.source.empty());
      const Settings s = e.settings(preset.name);
      const Sketch d = descriptor_of(e, s), g = generator_of(s);
      EXPECT_EQ(g.outputs, std::vector<Shape>{example_shape(e, s)});
      EXPECT_CONTAINS(g.lines.back(), "tanh -> ");
      EXPECT_EQ(g.batch_norms.empty(), e.data == DataKind::points);
      EXPECT_TRUE(d.batch_norms.empty());
    }
    EXPECT_TRUE(names.count("quick") && names.count("paper"));
    EXPECT_CONTAINS(error_of([&] { e.settings("quack"); }), "has no preset 'quack'; it has quick");
  }
  EXPECT_CONTAINS(error_of([&] { find_net(Net::descriptor, "no\nnet"); }), "there is no descriptor net 'no?net'");
  EXPECT_CONTAINS(error_of([&] { find_net(Net::generator, "FC_S"); }), "there is no generator net 'FC_S'");
}

// A net of the registry is listed, named by a preset or not, and records itself at its experiment's size.
TEST(Model, every_net_of_the_registry_is_listed) {
  const std::string text = list_text();
  std::set<std::pair<int, std::string>> names;
  for (const Net &net : nets()) {
    SCOPED_TRACE(net.name);
    EXPECT_TRUE(names.emplace(net.role, net.name).second);
    EXPECT_FALSE(net.about.empty());
    EXPECT_EQ(net.latent == nullptr, net.role == Net::descriptor);
    EXPECT_CONTAINS(text, (net.role == Net::descriptor ? "descriptor '" : "generator '") + net.name + "'");
    EXPECT_CONTAINS(list_text(net.experiment), "'" + net.name + "'");
  }
}

// experiments.md's numbers that are not shapes: kernels, strides and what follows a layer.
TEST(Model, windows_and_activations_are_the_published_ones) {
  const auto lines = [](const char *name, bool generator) {
    const Experiment &e = find_experiment(name);
    const Settings s = e.settings("paper");
    return generator ? generator_of(s).lines : descriptor_of(e, s).lines;
  };
  EXPECT_EQ(lines("texture", false), (Shapes{"conv 15x15 stride 3x3, ReLU -> 75x75 x 100",
                                             "conv 9x9, ReLU -> 75x75 x 70", "conv 7x7, ReLU -> 75x75 x 30"}));
  EXPECT_EQ(lines("texture", true)[0], "deconv 5x5 stride 2x2, batch norm, leaky ReLU 0.2 -> 14x14 x 512");
  EXPECT_EQ(lines("texture", true)[4], "deconv 5x5 stride 2x2, tanh -> 224x224 x 3");
  EXPECT_EQ(lines("object", false), (Shapes{"conv 4x4 stride 2x2, ReLU -> 33x33 x 64", "conv 2x2, ReLU -> 36x36 x 128",
                                            "fully connected -> 1x1 x 2"}));
  EXPECT_EQ(lines("scene", false)[1], "conv 3x3 stride 2x2, leaky ReLU 0.2 -> 16x16 x 128");
  EXPECT_EQ(lines("scene", true)[0], "deconv 4x4, batch norm, leaky ReLU 0.2 -> 4x4 x 512");
  EXPECT_EQ(lines("digits", true)[3], "deconv 4x4 stride 2x2, tanh -> 28x28 x 1");
  EXPECT_EQ(lines("dynamic-texture", false),
            (Shapes{"conv 5x5x5 stride 2x2x2, ReLU -> 32x64x64 x 120", "conv 5x64x64 stride 2x1x1, ReLU -> 16x1x1 x 30",
                    "conv 5x1x1 stride 2x1x1 -> 8x1x1 x 10"}));
  EXPECT_EQ(lines("dynamic-texture", true), (Shapes{"deconv 5x1x1, batch norm, ReLU -> 14x1x1 x 256",
                                                    "deconv 5x32x32 stride 2x1x1, batch norm, ReLU -> 32x32x32 x 128",
                                                    "deconv 5x5x5 stride 2x2x2, batch norm, ReLU -> 64x64x64 x 64",
                                                    "deconv 2x5x5 stride 2x2, tanh -> 64x128x128 x 3"}));
  EXPECT_CONTAINS(lines("cifar10", false)[0], "leaky ReLU 0.01 -> ");
  const Experiment &object = find_experiment("object");
  std::vector<double> rates;
  for (const ParameterSpec &p : descriptor_of(object, object.settings("paper")).parameters) rates.push_back(p.rate);
  EXPECT_EQ(rates, (std::vector<double>{1, 1, 0.5, 0.5, 0.2857, 0.2857}));
}

TEST(Model, stationary_nets_take_any_multiple_and_say_when_they_do_not) {
  const auto backend = make_cpu_backend(1);
  const Experiment &e = find_experiment("texture");
  Settings s = e.settings("paper");
  s.descriptor = s.generator = "texture-small";
  s.latent = 8;
  s.size = 32;
  const Model model = make_model(*backend, e, s, 3);
  EXPECT_EQ(model.generator->output(Shape{1, 1, 2, 3, 8}).str(), "1x1x64x96x3");
  EXPECT_EQ(model.descriptor->parameters()[0].name, "descriptor.0.filters");
  EXPECT_FALSE(make_model(*backend, e, s, 4).descriptor->parameters()[0].value.values() ==
               model.descriptor->parameters()[0].value.values());
  s.size = 48;
  EXPECT_CONTAINS(error_of([&] { make_model(*backend, e, s, 3); }), ". The nearest that fit: --set size=32 or size=64");
  s.border = 8;
  EXPECT_CONTAINS(error_of([&] { make_model(*backend, e, s, 3); }), "Nets that pad have no border (--set border=0)");
  Settings digits = find_experiment("digits").settings("quick");
  digits.size = 2000;
  const std::string refusal = error_of([&] { make_model(*backend, find_experiment("digits"), digits, 3); });
  EXPECT_CONTAINS(refusal, "these settings fit no nets of the experiment 'digits': ");
  EXPECT_CONTAINS(refusal, ". The nearest that fit: --set size=28");
  EXPECT_CONTAINS(error_of([] { find_experiment("texturing"); }), "did you mean texture?");
  EXPECT_EQ(error_of([] { find_experiment("portraits"); }),
            "there is no experiment 'portraits' (coopnets --list shows them all)");
}

TEST(Model, a_preset_suits_the_algorithm) {
  for (const char *preset : {"quick", "paper"}) {
    const Settings scene = find_experiment("scene").settings(preset);
    const auto changed = [&](Algorithm algorithm) { return for_algorithm(scene, algorithm); };
    EXPECT_EQ(print(changed(Algorithm::cooperative)), print(scene));
    EXPECT_EQ(changed(Algorithm::generator).generator_steps, 20);
    for (const Algorithm alone : {Algorithm::descriptor, Algorithm::persistent_cd}) {
      const Settings s = changed(alone);
      EXPECT_EQ(s.temperature, 1);
      EXPECT_EQ(s.descriptor_rate, 0.001);
      EXPECT_EQ(s.langevin_steps, std::string(preset) == "quick" ? 10 : 15);
      EXPECT_NEAR(s.langevin_step_size, std::string(preset) == "quick" ? 0.0198 : 0.002, 1e-12);
    }
  }
}

TEST(Model, learning_settings_are_those_of_the_run) {
  const Settings object = find_experiment("object").settings("paper");
  const LearningSettings l = learning_settings(object, Algorithm::cooperative, 5, 70);
  EXPECT_EQ(l.batch, 70);  // there are no more
  EXPECT_EQ(learning_settings(object, Algorithm::cooperative, 5, 700).batch, 100);
  EXPECT_EQ(l.chains, 36);
  EXPECT_EQ(l.langevin_steps, 10);
  EXPECT_EQ(l.langevin_step_size, 0.005);
  EXPECT_EQ(l.reference_deviation, 0.016);
  EXPECT_EQ(l.noise_until, -1);
  EXPECT_EQ(l.temperature, 1);
  EXPECT_EQ(l.residual_mean, ResidualMean::batch);
  EXPECT_EQ(l.sigma, 0.3);
  EXPECT_EQ(l.seed, 5u);
  EXPECT_EQ(l.generator_steps, 0);
  EXPECT_EQ(l.descriptor.rule, OptimizerSettings::capped_momentum);
  EXPECT_EQ(l.descriptor.rate, 0.07);
  EXPECT_EQ(l.descriptor.cap, 8);
  EXPECT_TRUE(l.descriptor.per_position);
  EXPECT_EQ(l.generator.rate, 3e-4);
  EXPECT_EQ(l.generator.cap, 8);
  EXPECT_FALSE(l.generator.per_position);
  Settings scene = find_experiment("scene").settings("paper");
  scene.iterations = 1000;
  const auto of_scene = [&] { return learning_settings(scene, Algorithm::cooperative, 1, 50000); };
  EXPECT_EQ(of_scene().residual_mean, ResidualMean::chains);
  EXPECT_EQ(of_scene().descriptor.rule, OptimizerSettings::adam);
  EXPECT_EQ(of_scene().noise_until, -1);
  scene.langevin_noise_until = 0.2;
  scene.temperature = 0.25;
  EXPECT_EQ(of_scene().noise_until, 200);
  EXPECT_EQ(of_scene().temperature, 0.25);
  scene.iterations = 30000;  // the noise lasts for a part of the run, however long it is
  EXPECT_EQ(of_scene().noise_until, 6000);
  scene.temperature = 0;
  EXPECT_EQ(of_scene().noise_until, 0);
  scene.residual_mean = "values";
  EXPECT_EQ(of_scene().residual_mean, ResidualMean::values);
  for (const auto &[name, algorithm] : {std::pair{"cooperative", Algorithm::cooperative},
                                        {"descriptor", Algorithm::descriptor},
                                        {"persistent-cd", Algorithm::persistent_cd},
                                        {"generator", Algorithm::generator}})
    EXPECT_EQ(parse_algorithm(name), algorithm);
  EXPECT_THROW(parse_algorithm("both"), std::runtime_error);
}

// A schedule is laid over the run: a run of another length has the same schedule, stretched.
TEST(Model, rates_fall_as_they_should) {
  Settings s;
  s.iterations = 5000;
  EXPECT_EQ(rate_factor(s, 4999), 1);
  s.halvings = 3;
  for (const int64_t length : {8, 5000, 12000, 120000}) {
    s.iterations = length;
    EXPECT_EQ(rate_factor(s, 0), 1);
    EXPECT_EQ(rate_factor(s, length / 4 - 1), 1);
    EXPECT_EQ(rate_factor(s, length / 4), 0.5);
    EXPECT_EQ(rate_factor(s, length / 2), 0.25);
    EXPECT_EQ(rate_factor(s, length - 1), 0.125);
    EXPECT_EQ(rate_factor(s, 2 * length), 0.125);
  }
  s.iterations = INT64_MAX;  // no overflow
  EXPECT_EQ(rate_factor(s, INT64_MAX / 2 + 1), 0.25);
  s.iterations = 5000;
  s.halvings = 0;
  s.schedule_steps = 80;  // logspace(0, -2, 80), each for 62.5 iterations
  EXPECT_EQ(rate_factor(s, 0), 1);
  EXPECT_EQ(rate_factor(s, 62), 1);
  EXPECT_NEAR(rate_factor(s, 63), std::pow(10, -2. / 79), 1e-12);
  EXPECT_NEAR(rate_factor(s, 2500), std::pow(10, -2. * 40 / 79), 1e-12);
  EXPECT_NEAR(rate_factor(s, 4999), 0.01, 1e-12);
  EXPECT_NEAR(rate_factor(s, 6000), 0.01, 1e-12);
}

// [M] makes 3000 passes over the pictures of a category in batches of 100, [T] 1000 passes over 1,100.
TEST(Model, epochs_are_passes_over_the_data) {
  const Settings object = find_experiment("object").settings("paper");
  EXPECT_EQ(fitted_to(200, object).iterations, 6000);
  EXPECT_EQ(fitted_to(1000, object).iterations, 30000);
  EXPECT_EQ(fitted_to(30, object).iterations, 3000);   // one batch of all there are
  EXPECT_EQ(fitted_to(150, object).iterations, 4500);  // the last half batch is filled up by the next pass
  EXPECT_EQ(fitted_to(200, object).epochs, 0);         // the run's number is settled
  EXPECT_EQ(fitted_to(1100, find_experiment("scene").settings("paper")).iterations, 11000);
  EXPECT_EQ(fitted_to(50000, find_experiment("digits").settings("paper")).iterations, 500000);
  Settings s;
  EXPECT_EQ(fitted_to(77, s).iterations, s.iterations);
}

// Batch norm as the sources have it: epsilon, a learned scale or none. [P] has PyTorch's slopes and initial values.
TEST(Model, paper_nets_follow_their_sources_conventions) {
  const auto norms = [](const char *name) {
    const Sketch net = generator_of(find_experiment(name).settings("paper"));
    int scales = 0;
    for (const ParameterSpec &p : net.parameters) scales += p.kind == ParameterSpec::scale;
    return std::make_tuple(double(net.batch_norms.at(0).epsilon), scales, net.parameters[0].initial);
  };
  for (const char *m : {"texture", "object"})
    EXPECT_EQ(norms(m), std::make_tuple(double(real(1e-4)), 4, Conventions::normal)) << m;
  for (const char *t : {"scene", "digits", "completion", "dynamic-texture"})
    EXPECT_EQ(norms(t), std::make_tuple(double(real(1e-3)), 0, Conventions::normal)) << t;
  EXPECT_EQ(norms("cifar10"), std::make_tuple(double(real(1e-5)), 3, Conventions::uniform));
  const Experiment &cifar = find_experiment("cifar10");
  const Settings s = cifar.settings("paper");
  for (const std::string &line : generator_of(s).lines)
    EXPECT_TRUE(line.find("leaky ReLU 0.01") != std::string::npos || line.find("tanh") != std::string::npos) << line;
  EXPECT_EQ(descriptor_of(cifar, s).parameters[0].initial, Conventions::uniform);
}

// Nothing is called published that is not.
TEST(Model, published_presets_are_learned_by_the_papers_own_algorithm) {
  const Experiment &texture = find_experiment("texture"), &scene = find_experiment("scene");
  EXPECT_EQ(texture.algorithm("quick"), "cdrl");
  EXPECT_EQ(texture.algorithm("fine"), "cdrl");
  EXPECT_EQ(texture.algorithm("paper"), "cooperative");
  for (const char *preset : {"quick", "paper"}) EXPECT_EQ(scene.algorithm(preset), "cooperative");
}

TEST(Model, every_preset_says_whose_it_is) {
  for (const Experiment &e : experiments())
    for (const Preset &preset : e.presets) {
      const bool published =
          e.name != "celeba" && e.name != "lsun" && e.name != "completion" && e.name != "toy" && preset.name == "paper";
      EXPECT_EQ(preset.source.compare(0, 10, "published:") == 0, published) << e.name << ' ' << preset.name;
      EXPECT_CONTAINS(list_text(e.name), "--preset " + preset.name + " (" + preset.source + ")");
    }
}

TEST(Model, the_smooth_generators_make_what_can_be_doubled_to) {
  for (const auto &[name, channels] : {std::pair<const char *, int64_t>{"smooth", 3}, {"smooth-grey", 1}}) {
    const Net &net = find_net(Net::generator, name);
    Settings s;
    for (const int64_t size : {3, 4, 28, 32, 50, 64, 96, 208, 256}) {
      s.size = size;
      const bool fits = size != 50;  // twice 25
      try {
        const Shape out = sketch(net.function(s), "generator", net.latent(s)).outputs.at(0);
        EXPECT_EQ(out, (Shape{1, 1, size, size, channels}));
        EXPECT_TRUE(fits) << size;
      } catch (const std::invalid_argument &error) {
        EXPECT_FALSE(fits) << size << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace coopnets
