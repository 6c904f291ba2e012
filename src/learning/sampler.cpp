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
void Sampler::start_chains(const LearningSettings &s, int64_t first) {
  std::vector<real> all;
  for (int64_t k = first; k < first + batch_; ++k)
    for (const real n : coopnets::draw_latent(example_.size(), s.seed, k))
      all.push_back(real(s.reference_deviation) * n);
  x_.set_values(all);
  last_count_ = batch_;
}

void Sampler::keep_chains(std::vector<real> chains) {
  if (g_ || int64_t(chains.size()) != x_.size()) throw std::invalid_argument("these are not the chains of one batch");
  kept_ = std::move(chains);
}

std::vector<real> Sampler::generate(const std::vector<real> &latents) {
  last_count_ = int64_t(latents.size()) / z_.size();
  if (last_count_ * z_.size() != int64_t(latents.size()) || last_count_ < 1 || last_count_ > batch_)
    throw std::invalid_argument("from 1 to " + std::to_string(batch_) + " latent vectors are taken");
  std::vector<real> all = latents;
  all.resize(batch_ * z_.size(), 0);
  z_.set(all);
  backend_.replay(generation_, [&] {
    g_->forward();
    if (f_) backend_.copy(g_->output(), x_);
  });
  return values(backend_, g_->output().examples(0, last_count_));
}

std::vector<real> Sampler::revise(const LearningSettings &s, int64_t batch_index,
                                  const std::function<void(int64_t step)> &before) {
  if (!f_) throw std::logic_error("this model has no descriptor");
  backend_.set_clock({batch_index, 1});
  const LearningSettings &r = recorded_;
  if (s.langevin_steps != r.langevin_steps || s.langevin_step_size != r.langevin_step_size || s.seed != r.seed ||
      s.reference_deviation != r.reference_deviation || s.cold_steps != r.cold_steps ||
      s.temperature != r.temperature || (s.noise_until == 0) != (r.noise_until == 0)) {
    revision_ = {};
    recorded_ = s;
  }
  const LangevinStep step = langevin_step(s, s.noise_until != 0, Purpose::sample_langevin);
  backend_.replay(revision_, [&] {
    const auto seed = [&](int64_t k) {
      f_->fill_seed(Wrt::inputs, 1);
      if (before) before(k);
    };
    langevin(*f_, s.langevin_steps, step, seed, s.cold_steps, {}, [](int64_t) { return false; });
  });
  return values(backend_, ConstView(x_).examples(0, last_count_));
}

std::vector<real> Sampler::latents_from(uint64_t seed, int64_t first) const {
  std::vector<real> latents;
  for (int64_t k = first; k < first + batch_; ++k) {
    const std::vector<real> z = draw_latent(seed, k);
    latents.insert(latents.end(), z.begin(), z.end());
  }
  return latents;
}

void Sampler::draw_range(const LearningSettings &s, int64_t first, int64_t end, const Visit &visit) {
  for (; first < end; first += batch_) {
    std::vector<real> made, revised;
    if (g_)
      made = generate(latents_from(s.seed, first));
    else if (kept_.empty())
      start_chains(s, first);
    else if (first == 0)
      x_.set_values(revised = kept_), last_count_ = batch_;
    const int64_t drawn = std::min(batch_, end - first);
    const auto tell = [&](int64_t k) {
      if (watch) watch(double(first) + double(drawn * k) / double(s.langevin_steps));
    };
    if (f_ && revised.empty()) revised = revise(s, first, tell);
    const size_t shown = size_t(drawn * example_.size());
    made.resize(std::min(made.size(), shown));
    revised.resize(std::min(revised.size(), shown));
    visit(first, made, revised);
  }
}

void draw_by_ranks(Ranks &ranks, SampleSource &source, const LearningSettings &s, int64_t count,
                   const SampleSource::Visit &visit) {
  const int64_t batch = source.at_a_time();
  for (const int64_t of_a_rank : ranks.gather(std::vector<int64_t>{source.in_any_order() ? batch : 0}))
    if (of_a_rank != batch) throw std::logic_error("these samples cannot be dealt out to ranks");
  for (int64_t first = 0; first < count;) {
    std::vector<real> drawn[2];  // made and revised
    if (const int64_t own = first + ranks.rank() * batch; own < count)
      source.draw_range(s, own, std::min(own + batch, count),
                        [&](int64_t, const std::vector<real> &made, const std::vector<real> &revised) {
                          drawn[0] = made, drawn[1] = revised;
                        });
    for (int from = 0; from < ranks.count() && first < count; ++from, first += batch) {
      std::vector<real> its[2];
      for (int i = 0; i < 2; ++i) {
        if (from == ranks.rank()) its[i] = std::move(drawn[i]);
        auto size = int64_t(its[i].size());
        ranks.broadcast(&size, sizeof size, from);
        its[i].resize(size_t(size));
        ranks.broadcast(its[i].data(), its[i].size() * sizeof(real), from);
      }
      if (ranks.rank() == 0) visit(first, its[0], its[1]);
    }
  }
}

}  // namespace coopnets
