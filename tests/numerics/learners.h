// Nets, settings and noise that the tests of the learning algorithms share.
#pragma once
#include "learning/cooperative.h"
#include "numerics/gradient_check.h"
#include "numerics/small_net.h"

namespace coopnets {

inline const Shape value3{1, 1, 1, 1, 3}, latent2{1, 1, 1, 1, 2};

// What the kernels draw.
inline float noise(const LearningSettings &s, Purpose purpose, int64_t iteration, int64_t index, int64_t element) {
  float n[4];
  normals(random_block({s.seed, purpose}, iteration, static_cast<uint32_t>(index), element / 4), n);
  return n[element % 4];
}

// f(x) = w x + c on three values, g(z) = A z + b from two: every step can be written down.
struct LinearNets {
  Network descriptor, generator;
  explicit LinearNets(Backend &b, double deviation = 0.5)
      : descriptor(b, "descriptor", linear_net(1), {value3}, {3, Purpose::descriptor_weights}, deviation),
        generator(b, "generator", linear_generator(3), {latent2}, {3, Purpose::generator_weights}, deviation) {}
};

inline LearningSettings linear_settings() {
  LearningSettings s;
  s.batch = 2;
  s.chains = 4;
  s.langevin_steps = 3;
  s.langevin_step_size = 0.2;
  s.reference_deviation = 0.8;
  s.generator_steps = 2;
  s.generator_step_size = 0.3;
  s.sigma = 0.7;
  s.descriptor = {OptimizerSettings::capped_momentum, 0.1, 1e9, true};
  s.generator = {OptimizerSettings::capped_momentum, 0.05, 1e9, false};
  s.seed = 11;
  return s;
}

// Small nets with batch normalisation.
struct SmallNets {
  Network descriptor, generator;
  explicit SmallNets(Backend &b)
      : descriptor(b, "descriptor", small_net([](Recorder &r, Variable x) {
                     const Variable h = r.conv(x, 6, same_side(3, 2), leaky_relu(0.2));
                     return r.fully_connected(r.conv(h, 8, same_side(3, 2), leaky_relu(0.2)), 3);
                   }),
                   {{1, 1, 8, 8, 1}}, {1, Purpose::descriptor_weights}, 0.05),
        generator(b, "generator", small_net([](Recorder &r, Variable z) {
                    Variable h = normalised_deconv(r, z, 6, valid(2), leaky_relu(0.2));
                    h = normalised_deconv(r, h, 5, same_side(4, 2), leaky_relu(0.2));
                    return r.deconv(h, 1, same_side(4, 2), tanh_activation());
                  }),
                  {{1, 1, 1, 1, 4}}, {1, Purpose::generator_weights}, 0.05) {}
};

// Nets that branch, for the same pictures.
struct BranchingNets {
  Network descriptor, generator;
  explicit BranchingNets(Backend &b)
      : descriptor(b, "descriptor", two_branches, {{1, 1, 8, 8, 1}}, {1, Purpose::descriptor_weights}, 0.05),
        generator(b, "generator", three_noises, three_sizes, {1, Purpose::generator_weights}, 0.05) {}
};

inline LearningSettings small_settings(Algorithm algorithm) {
  LearningSettings s;
  s.algorithm = algorithm;
  s.batch = 3;
  s.chains = 4;
  s.langevin_steps = 4;
  s.langevin_step_size = 0.01;
  s.reference_deviation = 0.05;
  s.generator_steps = algorithm == Algorithm::generator ? 3 : algorithm == Algorithm::cooperative ? 2 : 0;
  s.generator_step_size = 0.1;
  s.descriptor.rate = 0.003;
  s.generator.rate = 0.001;
  return s;
}

// Three pictures of diagonal stripes.
inline std::vector<real> stripes() {
  std::vector<real> v;
  for (int k = 0; k < 3; ++k)
    for (int i = 0; i < 8; ++i)
      for (int j = 0; j < 8; ++j) v.push_back((i + j + k) % 4 < 2 ? 1 : -1);
  return v;
}

}  // namespace coopnets
