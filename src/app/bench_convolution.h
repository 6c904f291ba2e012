// --bench convolution: one layer, step by step from the definition to what learning runs.
#pragma once
#include "app/options.h"

namespace coopnets {

constexpr const char *convolution_benchmark = "convolution";
int bench_convolution(const Options &);

}  // namespace coopnets
