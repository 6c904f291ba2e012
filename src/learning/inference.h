// The latent vector of a given example: z ~ p(z | x) of the generator model x = g(z) + N(0, sigma^2), z ~ N(0, I).
#pragma once
#include "nets/network.h"

namespace coopnets {

struct InferenceSettings {
  int64_t restarts = 4;  // chains from N(0, I); the one that fits best after `trial_steps` goes on
  int64_t trial_steps = 50;
  int64_t steps = 300;  // of that one
  double sigma = 1;
  uint64_t seed = 1;
};

struct Inferred {
  std::vector<real> latent, example;  // z and g(z) of the best fit that the chain met
  double error;                       // root mean square of x - g(z)
};

// Langevin dynamics on U(z) = |x - g(z)|^2 / (2 sigma^2) + |z|^2 / 2,
//   z' = z - (d^2/2) dU/dz + d N(0, I),
// each step accepted or refused by Metropolis and Hastings (MALA: Roberts & Tweedie 1996), so that no step size can
// drive it away; d adapts to about two accepted steps in three. Batch normalisation uses the running statistics.
// `latent` is the shape of one latent vector, `x` an example of the generator's output for it (std::invalid_argument
// otherwise).
Inferred infer_latent(Backend &, Network &generator, const Shape &latent, const std::vector<real> &x,
                      const InferenceSettings &);

}  // namespace coopnets
