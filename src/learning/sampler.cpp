#include "learning/sampler.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Sampler::Sampler(Backend &backend, Network *descriptor, Network &generator, const Shape &latent, int64_t batch,
                 Statistics statistics)
    : backend_(backend),
      latent_(latent.with_n(1)),
      batch_(batch),
      z_(backend, latent.with_n(batch)),
      arena_(backend),
      descriptor_arena_(backend),
      tape_(backend, arena_),
      descriptor_tape_(backend, descriptor_arena_) {
  use_ = generator.apply(tape_, tape_.leaf(z_), statistics);
  tape_.keep(use_->output);
  tape_.plan();
  example_ = tape_.shape(use_->output).with_n(1);
  if (descriptor) plan_revision(*descriptor, statistics);
}

Sampler::Sampler(Backend &backend, Network &descriptor, const Shape &example, int64_t batch, Statistics statistics)
    : backend_(backend),
      example_(example.with_n(1)),
      batch_(batch),
      arena_(backend),
      descriptor_arena_(backend),
      tape_(backend, arena_),
      descriptor_tape_(backend, descriptor_arena_) {
  plan_revision(descriptor, statistics);
}

void Sampler::plan_revision(Network &descriptor, Statistics statistics) {
  x_ = Tensor(backend_, example_.with_n(batch_));
  ones_ = Tensor(backend_, {batch_, 1, 1, 1, 1}, std::vector<real>(batch_, 1));
  x_variable_ = descriptor_tape_.leaf(x_);
  descriptor_use_ = descriptor.apply(descriptor_tape_, x_variable_, statistics);
  df_dx_ = &descriptor_tape_.gradient(descriptor_use_->output, {x_variable_});
  descriptor_tape_.plan();
}

namespace {

std::vector<real> draw_normals(int64_t size, uint64_t seed, int64_t k) {
  std::vector<real> z(size);
  for (size_t i = 0; i < z.size(); ++i) {
    float n[4];
    normals(random_block({seed, Purpose::sample}, static_cast<uint64_t>(k), 0, i / 4), n);
    z[i] = n[i % 4];
  }
  return z;
}

}  // namespace

std::vector<real> Sampler::draw_latent(uint64_t seed, int64_t k) const { return draw_normals(latent_.size(), seed, k); }

// x = s N(0, I)
void Sampler::start_chains(const LearningSettings &s, int64_t first, int64_t count) {
  std::vector<real> all;
  for (int64_t k = first; k < first + count; ++k)
    for (const real n : draw_normals(example_.size(), s.seed, k)) all.push_back(real(s.reference_deviation) * n);
  all.resize(batch_ * example_.size(), 0);
  backend_.upload(all.data(), x_.data(), all.size() * sizeof(real));
  last_count_ = count;
}

std::vector<real> Sampler::generate(const std::vector<real> &latents) {
  last_count_ = static_cast<int64_t>(latents.size()) / latent_.size();
  if (last_count_ * latent_.size() != static_cast<int64_t>(latents.size()) || last_count_ < 1 || last_count_ > batch_)
    throw std::invalid_argument("generate() takes from 1 to " + std::to_string(batch_) + " latent vectors");
  std::vector<real> all = latents;
  all.resize(batch_ * latent_.size(), 0);
  backend_.upload(all.data(), z_.data(), all.size() * sizeof(real));
  const View made = tape_.value(use_->output);
  backend_.replay(generation_, [&] {
    tape_.forward();
    if (df_dx_) backend_.copy(made, x_);
  });
  return values(backend_, made.examples(0, last_count_));
}

std::vector<real> Sampler::revise(const LearningSettings &s, int64_t batch_index) {
  if (!df_dx_) throw std::logic_error("this model has no descriptor");
  backend_.set_clock({batch_index, 1});
  LangevinStep step{real(s.langevin_step_size),
                    real(s.reference_deviation),
                    s.noise_until != 0,
                    {s.seed, Purpose::sample_langevin},
                    0};
  const auto noiseless = [](const LearningSettings &a) { return a.noise_until == 0; };
  const LearningSettings &r = recorded_;
  if (s.langevin_steps != r.langevin_steps || s.langevin_step_size != r.langevin_step_size ||
      s.reference_deviation != r.reference_deviation || s.seed != r.seed || noiseless(s) != noiseless(r)) {
    revision_ = {};
    recorded_ = s;
  }
  backend_.replay(revision_, [&] {
    for (step.index = 0; step.index < s.langevin_steps; ++step.index) {
      descriptor_tape_.forward();
      backend_.fill_examples(descriptor_tape_.seed(*df_dx_), ones_);
      descriptor_tape_.backward(*df_dx_);
      backend_.langevin(x_, descriptor_tape_.of(*df_dx_, x_variable_), step);
    }
  });
  return values(backend_, ConstView(x_).examples(0, last_count_));
}

void Sampler::draw(const LearningSettings &s, int64_t count, const Visit &visit) {
  for (int64_t first = 0; first < count; first += batch_) {
    if (!use_) {
      start_chains(s, first, std::min(batch_, count - first));
      visit(first, {}, revise(s, first));
      continue;
    }
    std::vector<real> latents;
    for (int64_t k = first; k < std::min(first + batch_, count); ++k) {
      const std::vector<real> z = draw_latent(s.seed, k);
      latents.insert(latents.end(), z.begin(), z.end());
    }
    const std::vector<real> made = generate(latents);
    visit(first, made, df_dx_ ? revise(s, first) : std::vector<real>());
  }
}

}  // namespace coopnets
