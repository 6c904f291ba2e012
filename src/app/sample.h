// What a trained model can do: new samples of any number and, of stationary nets, any size; walks between latent
// vectors.
#pragma once
#include "app/options.h"

namespace coopnets {

int sample(const Options &);       // --sample N [--size HxW] [--frames T] [--save png|npy|FILE.png]
int interpolate(const Options &);  // --interpolate

}  // namespace coopnets
