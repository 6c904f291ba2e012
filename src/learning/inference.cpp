#include "learning/inference.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace coopnets {

namespace {

// U and its gradient at z. Latent vectors are small, so chains live on the host, in double.
class Energy {
 public:
  struct Point {
    std::vector<double> z, gradient;
    double energy, squared_error;
  };

  Energy(Backend &backend, Network &generator, const Shape &latent, const std::vector<real> &x, double sigma)
      : backend_(backend),
        precision_(1 / (sigma * sigma)),
        latent_(backend, latent.with_n(1)),
        target_(backend, generator.output(latent.with_n(1)), x),
        residual_(backend, 1),
        arena_(backend),
        tape_(backend, arena_) {
    z_ = tape_.leaf(latent_);
    use_ = generator.apply(tape_, z_, Statistics::running);
    tape_.keep(use_->output);
    d_dz_ = &tape_.gradient(use_->output, {{z_, nullptr}});
    tape_.plan();
  }

  // dU/dz = z - J' (x - g(z)) / sigma^2
  Point at(const std::vector<double> &z) {
    latent_.set_values({z.begin(), z.end()});
    tape_.forward();
    backend_.sum_squared_difference(target_, output(), residual_, 0);
    backend_.difference(real(precision_), output(), target_, tape_.seed(*d_dz_));
    tape_.backward(*d_dz_);
    const std::vector<real> from_data = values(backend_, tape_.of(*d_dz_, z_));
    Point point{z, z, 0, residual_.read()[0]};
    point.energy = precision_ * point.squared_error / 2;
    for (size_t i = 0; i < z.size(); ++i) {
      point.energy += z[i] * z[i] / 2;
      point.gradient[i] += from_data[i];
    }
    return point;
  }
  std::vector<real> example(const std::vector<double> &z) {
    latent_.set_values({z.begin(), z.end()});
    tape_.forward();
    return values(backend_, output());
  }
  int64_t size() const { return latent_.size(); }
  int64_t elements() const { return target_.size(); }

 private:
  View output() const { return tape_.value(use_->output); }
  Backend &backend_;
  double precision_;
  Tensor latent_, target_;
  Readings residual_;
  Arena arena_;
  Tape tape_;
  Variable z_;
  std::unique_ptr<Network::Use> use_;
  Tape::Gradient *d_dz_;
};

std::vector<double> normal_vector(int64_t size, RandomKey key, int64_t chain, int64_t index) {
  std::vector<double> out(size);
  for (int64_t i = 0; i < size; ++i) {
    float n[4];
    normals(random_block(key, uint64_t(chain), uint32_t(index), uint64_t(i / 4)), n);
    out[i] = n[i % 4];
  }
  return out;
}

class Chain {
 public:
  Chain(Energy &energy, RandomKey key, int64_t number)
      : energy_(energy), key_(key), number_(number), now_(energy.at(normal_vector(energy.size(), key, number, 0))) {
    best_ = now_;
  }

  void run(int64_t steps) {
    for (; steps > 0; --steps) step();
  }
  const Energy::Point &best() const { return best_; }

 private:
  // ln q(to | from) up to a constant: to ~ N(from - (d^2/2) gradient, d^2 I).
  double log_proposal(const Energy::Point &from, const Energy::Point &to) const {
    double squares = 0;
    for (size_t i = 0; i < from.z.size(); ++i) {
      const double r = to.z[i] - from.z[i] + d_ * d_ / 2 * from.gradient[i];
      squares += r * r;
    }
    return -squares / (2 * d_ * d_);
  }

  void step() {
    ++index_;
    std::vector<double> z = normal_vector(energy_.size(), key_, number_, index_);
    for (size_t i = 0; i < z.size(); ++i) z[i] = now_.z[i] - d_ * d_ / 2 * now_.gradient[i] + d_ * z[i];
    const Energy::Point next = energy_.at(z);
    const double ratio = now_.energy - next.energy + log_proposal(next, now_) - log_proposal(now_, next);
    const uint32_t word = random_block(key_, uint64_t(number_), uint32_t(index_), uint64_t{1} << 39).v[0];
    const bool accepted = std::log(uniform(word)) <= ratio;  // false where the proposal's energy is not finite
    d_ *= accepted ? 1.1 : 0.85;
    if (!accepted) return;
    now_ = next;
    if (now_.squared_error < best_.squared_error) best_ = now_;
  }

  Energy &energy_;
  RandomKey key_;
  int64_t number_, index_ = 0;
  double d_ = 0.05;
  Energy::Point now_, best_;
};

}  // namespace

Inferred infer_latent(Backend &backend, Network &generator, const Shape &latent, const std::vector<real> &x,
                      const InferenceSettings &s) {
  if (s.restarts < 1) throw std::invalid_argument("inference needs a chain");
  Energy energy(backend, generator, latent, x, s.sigma);
  const RandomKey key{s.seed, Purpose::evaluation};
  std::vector<Chain> chains;
  for (int64_t k = 0; k < s.restarts; ++k) {
    chains.emplace_back(energy, key, k);
    chains.back().run(s.trial_steps);
  }
  size_t chosen = 0;
  for (size_t k = 1; k < chains.size(); ++k)
    if (chains[k].best().squared_error < chains[chosen].best().squared_error) chosen = k;
  chains[chosen].run(s.steps);
  const Energy::Point &best = chains[chosen].best();
  return {{best.z.begin(), best.z.end()},
          energy.example(best.z),
          std::sqrt(best.squared_error / double(energy.elements()))};
}

}  // namespace coopnets
