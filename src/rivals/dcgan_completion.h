// Completion of pictures by a trained DCGAN: Yeh, Chen, Lim, Hasegawa-Johnson, Do: Semantic image inpainting with
// perceptual and contextual losses. 2016 (arXiv 1607.07539), after github.com/bamos/dcgan-completion.tensorflow.
#pragma once
#include "nets/network.h"

namespace coopnets {

struct GanCompletion {
  double weight = 0.1;  // of the discriminator's part
  double rate = 0.01;   // Adam's, with beta1 0.9
  int64_t steps = 300, restarts = 4;
  uint64_t seed = 1;
};

// g(z) of each picture for the z that minimises
//   sum over visible values of |g(z) - y|  -  weight ln D(g(z)),
// by Adam from z ~ N(0, I), each restart from another z; of each picture the restart with the least first part. Both nets
// use their running statistics. `latent` is the shape of a latent vector; `pictures` [count, ...] of the generator's output
// for it; `visible` alike, 1 or 0; at most `batch` pictures side by side. The discriminator's outputs are softplus(l) and l.
std::vector<real> gan_completion(Backend &, Network &generator, Network &discriminator, const Shape &latent,
                                 const std::vector<real> &pictures, const std::vector<real> &visible,
                                 const GanCompletion &, int64_t batch);

}  // namespace coopnets
