// Times one learning iteration of the paper's nets, changed by --set: as a line of JSON with the keys of
// tools/bench_pytorch.py, or, by --profile, each step, layer and operation by itself.
#pragma once
#include "app/options.h"

namespace coopnets {

// digits, scene, texture and video, which "all" stands for, the other experiments, and "convolution".
const std::vector<std::string> &benchmarks();
int bench(const Options &);

}  // namespace coopnets
