// What rank 0 has the other ranks do while it samples, evaluates or makes a table: to draw their share of the samples,
// and to learn a row of the table with it. They wait for that in do_errands(), until rank 0 has done what it was asked
// for. A rank alone has nobody to ask.
#pragma once
#include <memory>
#include <string>

#include "app/leader.h"
#include "app/options.h"
#include "learning/sampler.h"

namespace coopnets {

// What the others need to have the same samples (app/model_sampler.h).
struct SamplerOrder {
  std::string path;  // of the checkpoint, which they read too
  Settings settings;
  bool revises;  // samples are revised by the descriptor
  std::vector<Shape> latent;
  Shape example;
  int64_t count;
  Alike model;  // which must be the same on all ranks
};

// `own`, whose draws all ranks share from now on, where they can.
std::unique_ptr<SampleSource> shared_by_ranks(std::unique_ptr<SampleSource> own, const SamplerOrder &);

// To be followed by train() of these options: the others then call it too.
void have_others_train(const Options &);

// The other ranks' part; the options are those of the command. Throws what train() and load_model() throw.
void do_errands(const Options &);
// To be called by rank 0 when it needs the others no more.
void end_errands();

}  // namespace coopnets
