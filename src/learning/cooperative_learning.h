// The two nets on their tapes, as the steps of cooperative learning use them.
#pragma once
#include "learning/cooperative.h"

namespace coopnets {

// f(x) is the sum of the descriptor net's outputs, so its gradient with respect to these is constant: the seed of every
// sweep is one weight per example, and no energy is differentiated.
struct Cooperative::Descriptor {
  Optimizer optimizer;
  Arena arena;  // D1, D2 and the gradients of G1 and G2 take turns in it
  Pass revise;  // f on the chains, for df/dx
  Pass learn;   // f on observed and revised examples together, for df/dtheta

  Descriptor(Network &net, const OptimizerSettings &rule, View chains, View all)
      : optimizer(net.backend(), net, rule),
        arena(net.backend()),
        revise(net, {chains}, Statistics::batch, arena, arena, {Wrt::inputs}),
        learn(net, {all}, Statistics::batch, arena, arena, {Wrt::parameters}) {}
};

struct Cooperative::Generator {
  Optimizer optimizer;
  Arena arena;  // what G0 computed must last over D1 and D2, so the generator's values have an arena of their own
  Pass pass;    // g on the latent vectors, for dg/dz and dg/dalpha

  // `gradients`: the descriptor's arena, null where there is none.
  Generator(Network &net, const OptimizerSettings &rule, const std::vector<View> &latents, bool infers,
            Arena *gradients)
      : optimizer(net.backend(), net, rule),
        arena(net.backend()),
        pass(net, latents, Statistics::batch, arena, gradients ? *gradients : arena,
             infers ? std::vector<Wrt>{Wrt::inputs, Wrt::parameters} : std::vector<Wrt>{Wrt::parameters}) {}
};

}  // namespace coopnets
