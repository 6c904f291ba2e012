// The latent vectors of given examples: z ~ p(z | x) of the generator model x = g(z) + N(0, sigma^2), z ~ N(0, I).
#pragma once
#include "learning/latents.h"
#include "learning/pass.h"

namespace coopnets {

struct InferenceSettings {
  int64_t restarts = 4;  // chains from N(0, I) an example; the one that fits best after `trial_steps` goes on
  int64_t trial_steps = 50;
  int64_t steps = 300;  // of that one
  double sigma = 1;
  uint64_t seed = 1;
  std::function<void(double share)> watch = {};  // told what share of all steps is done
};

struct Inferred {
  std::vector<real> latent, example;  // z and g(z) of the best fit that the chain met
  double error;                       // root mean square of x - g(z), over what is visible
};

// Langevin dynamics on U(z) = |m (x - g(z))|^2 / (2 sigma^2) + |z|^2 / 2,
//   z' = z - (d^2/2) dU/dz + d N(0, I),
// each step accepted or refused by Metropolis and Hastings (MALA: Roberts & Tweedie 1996), so that no step size can
// drive it away; d of each chain adapts to about two accepted steps in three all along, and the best fit is returned, so
// this is an optimiser that cannot be trapped easily, not a sample of p(z | x). m is 1 where x is visible and 0 where it
// is hidden: pattern completion. Batch normalisation uses the running statistics, so that examples do not touch one
// another; `batch` chains run side by side.
// `latent` holds the shapes of one latent vector; `examples` [count, ...] of the generator's output for it; `visible`
// alike, or empty where all is visible. Throws std::invalid_argument when the sizes differ or an example has nothing
// visible.
std::vector<Inferred> infer_latents(Backend &, Network &generator, const std::vector<Shape> &latent,
                                    const std::vector<real> &examples, const std::vector<real> &visible,
                                    const InferenceSettings &, int64_t batch);

// Of one example, all of it visible.
Inferred infer_latent(Backend &, Network &generator, const std::vector<Shape> &latent, const std::vector<real> &x,
                      const InferenceSettings &);

}  // namespace coopnets
