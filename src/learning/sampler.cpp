#include "learning/sampler.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Sampler::Sampler(Backend &backend, Network *descriptor, Network &generator, const std::vector<Shape> &latent,
                 int64_t batch, Statistics statistics)
    : backend_(backend),
      example_(generator.output(latent).with_n(1)),
      batch_(batch),
      z_(backend, latent, batch),
      arena_(backend),
      descriptor_arena_(backend) {
  g_ = std::make_unique<Pass>(generator, z_.views(), statistics, arena_, arena_, std::vector<Wrt>{});
  if (!descriptor) return;
  x_ = Tensor(backend, example_.with_n(batch));
  f_ = std::make_unique<Pass>(*descriptor, std::vector<View>{x_}, statistics, descriptor_arena_, descriptor_arena_,
                              std::vector<Wrt>{Wrt::inputs});
}

Sampler::Sampler(Backend &backend, Network &descriptor, const Shape &example, int64_t batch, Statistics statistics)
    : backend_(backend),
      example_(example.with_n(1)),
      batch_(batch),
      x_(backend, example.with_n(batch)),
      arena_(backend),
      descriptor_arena_(backend) {
  f_ = std::make_unique<Pass>(descriptor, std::vector<View>{x_}, statistics, descriptor_arena_, descriptor_arena_,
                              std::vector<Wrt>{Wrt::inputs});
}

// x = s N(0, I)
void Sampler::start_chains(const LearningSettings &s, int64_t first, int64_t count) {
  std::vector<real> all;
  for (int64_t k = first; k < first + count; ++k)
    for (const real n : coopnets::draw_latent(example_.size(), s.seed, k))
      all.push_back(real(s.reference_deviation) * n);
  all.resize(batch_ * example_.size(), 0);
  x_.set_values(all);
  last_count_ = count;
}

std::vector<real> Sampler::generate(const std::vector<real> &latents) {
  std::vector<real> all = latents;
  z_.set(all);
  last_count_ = int64_t(latents.size()) / z_.size();
  all.resize(batch_ * z_.size(), 0);
  z_.set(all);
  backend_.replay(generation_, [&] {
    g_->forward();
    if (f_) backend_.copy(g_->output(), x_);
  });
  return values(backend_, g_->output().examples(0, last_count_));
}

std::vector<real> Sampler::revise(const LearningSettings &s, int64_t batch_index) {
  if (!f_) throw std::logic_error("this model has no descriptor");
  backend_.set_clock({batch_index, 1});
  const LearningSettings &r = recorded_;
  if (s.langevin_steps != r.langevin_steps || s.langevin_step_size != r.langevin_step_size || s.seed != r.seed ||
      s.reference_deviation != r.reference_deviation || (s.noise_until == 0) != (r.noise_until == 0)) {
    revision_ = {};
    recorded_ = s;
  }
  LangevinStep step;
  step.step = real(s.langevin_step_size);
  step.reference_deviation = real(s.reference_deviation);
  step.noise = s.noise_until != 0 ? step.step : 0;
  step.key = {s.seed, Purpose::sample_langevin};
  backend_.replay(revision_,
                  [&] { langevin(*f_, s.langevin_steps, step, [&](int64_t) { f_->fill_seed(Wrt::inputs, 1); }); });
  return values(backend_, ConstView(x_).examples(0, last_count_));
}

void Sampler::draw(const LearningSettings &s, int64_t count, const Visit &visit) {
  for (int64_t first = 0; first < count; first += batch_) {
    const int64_t last = std::min(first + batch_, count);
    if (!g_) {
      start_chains(s, first, last - first);
      visit(first, {}, revise(s, first));
      continue;
    }
    std::vector<real> latents;
    for (int64_t k = first; k < last; ++k) {
      const std::vector<real> z = draw_latent(s.seed, k);
      latents.insert(latents.end(), z.begin(), z.end());
    }
    const std::vector<real> made = generate(latents);
    visit(first, made, f_ ? revise(s, first) : std::vector<real>());
  }
}

}  // namespace coopnets
