#include "learning/inference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace coopnets {

namespace {

// Latent vectors are small, so chains live on the host, in double.
struct Point {
  std::vector<double> z, gradient;
  double energy = 0, squared_error = 0;
};

struct Chain {
  int64_t number, example, index = 0;  // index: of its next step
  double step_size = 0.05;
  Point now, best;
};

// U and its gradient for as many chains as are loaded, `batch` at most.
class Energies {
 public:
  Energies(Backend &backend, Network &generator, const std::vector<Shape> &latent, int64_t batch, double sigma)
      : backend_(backend),
        precision_(1 / (sigma * sigma)),
        latents_(backend, latent, batch),
        squared_errors_(backend, int(batch)),
        arena_(backend),
        g_(generator, latents_.views(), Statistics::running, arena_, arena_, {Wrt::inputs}) {
    for (Tensor *t : {&targets_, &visible_, &nothing_}) *t = Tensor(backend, g_.output().shape);
  }

  int64_t batch() const { return latents_.count(); }
  int64_t latent_size() const { return latents_.size(); }
  int64_t example_size() const { return targets_.shape().example(); }

  // Chain k is to be compared with the example of chains[k].
  void load(const std::vector<Chain *> &chains, const std::vector<real> &examples, const std::vector<real> &visible) {
    const int64_t size = example_size();
    std::vector<real> x(targets_.size()), m(targets_.size());
    for (size_t k = 0; k < chains.size(); ++k) {
      std::copy_n(examples.begin() + chains[k]->example * size, size, x.begin() + int64_t(k) * size);
      if (visible.empty())
        std::fill_n(m.begin() + int64_t(k) * size, size, real(1));
      else
        std::copy_n(visible.begin() + chains[k]->example * size, size, m.begin() + int64_t(k) * size);
    }
    targets_.set_values(x);
    visible_.set_values(m);
  }

  // dU/dz = z - J' m (x - g(z)) / sigma^2. The derivative of a ReLU whose output is m multiplies by m.
  std::vector<Point> at(const std::vector<std::vector<double>> &z) {
    run(z);
    backend_.replay(gradients_, [&] {
      const View residual = g_.seed(Wrt::inputs);
      backend_.difference(1, g_.output(), targets_, residual);
      backend_.activation_backward(visible_, {Activation::leaky_relu, 0}, residual);
      for (int64_t k = 0; k < batch(); ++k)
        backend_.sum_squared_difference(residual.examples(k, 1), View(nothing_).examples(k, 1), squared_errors_,
                                        int(k));
      backend_.difference(real(precision_), residual, nothing_, residual);
      g_.backward(Wrt::inputs);
    });
    std::vector<std::vector<real>> from_data;  // by input of the generator
    for (size_t i = 0; i < g_.inputs(); ++i) from_data.push_back(values(backend_, g_.gradient(Wrt::inputs, i)));
    const std::vector<double> squared_errors = squared_errors_.read();
    std::vector<Point> points;
    for (size_t k = 0; k < z.size(); ++k) {
      Point point{z[k], z[k], precision_ * squared_errors[k] / 2, squared_errors[k]};
      for (const double v : z[k]) point.energy += v * v / 2;
      auto gradient = point.gradient.begin();
      for (const std::vector<real> &part : from_data) {
        const size_t own = part.size() / size_t(batch());
        for (size_t i = 0; i < own; ++i) *gradient++ += part[k * own + i];
      }
      points.push_back(std::move(point));
    }
    return points;
  }
  std::vector<real> examples(const std::vector<std::vector<double>> &z) {
    run(z);
    return values(backend_, g_.output().examples(0, int64_t(z.size())));
  }

 private:
  void run(const std::vector<std::vector<double>> &z) {
    std::vector<real> all;
    for (const std::vector<double> &one : z) all.insert(all.end(), one.begin(), one.end());
    all.resize(size_t(batch() * latent_size()));
    latents_.set(all);
    backend_.replay(examples_, [&] { g_.forward(); });
  }
  Backend &backend_;
  double precision_;
  Latents latents_;
  Tensor targets_, visible_, nothing_;
  Readings squared_errors_;
  Arena arena_;
  Pass g_;
  Recording examples_, gradients_;  // of g(z), of dU/dz
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

// ln q(to | from) up to a constant: to ~ N(from - (d^2/2) gradient, d^2 I).
double log_proposal(const Point &from, const Point &to, double d) {
  double squares = 0;
  for (size_t i = 0; i < from.z.size(); ++i) {
    const double r = to.z[i] - from.z[i] + d * d / 2 * from.gradient[i];
    squares += r * r;
  }
  return -squares / (2 * d * d);
}

// One step of each chain; its first step draws the start.
void step(Energies &energies, const std::vector<Chain *> &chains, RandomKey key) {
  std::vector<std::vector<double>> proposals;
  for (Chain *c : chains) {
    std::vector<double> z = normal_vector(energies.latent_size(), key, c->number, c->index);
    const double d = c->step_size;
    for (size_t i = 0; c->index > 0 && i < z.size(); ++i)
      z[i] = c->now.z[i] - d * d / 2 * c->now.gradient[i] + d * z[i];
    proposals.push_back(std::move(z));
  }
  std::vector<Point> points = energies.at(proposals);
  for (size_t k = 0; k < chains.size(); ++k) {
    Chain &c = *chains[k];
    Point &next = points[k];
    const int64_t index = c.index++;
    if (index == 0) {
      c.now = c.best = next;
      continue;
    }
    const double ratio =
        c.now.energy - next.energy + log_proposal(next, c.now, c.step_size) - log_proposal(c.now, next, c.step_size);
    const uint32_t word = random_block(key, uint64_t(c.number), uint32_t(index), uint64_t{1} << 39).v[0];
    const bool accepted = std::log(uniform(word)) <= ratio;  // false where the proposal's energy is not finite
    c.step_size *= accepted ? 1.1 : 0.85;
    if (!accepted) continue;
    c.now = std::move(next);
    if (c.now.squared_error < c.best.squared_error) c.best = c.now;
  }
}

void check_sizes(const std::vector<real> &examples, const std::vector<real> &visible, const Shape &made,
                 const InferenceSettings &s) {
  if (s.restarts < 1) throw std::invalid_argument("inference needs a chain");
  if (examples.empty() || int64_t(examples.size()) % made.example() != 0 ||
      (!visible.empty() && visible.size() != examples.size()))
    throw std::invalid_argument("inference needs examples of " + made.with_n(1).str() + ", and as large masks");
}

}  // namespace

std::vector<Inferred> infer_latents(Backend &backend, Network &generator, const std::vector<Shape> &latent,
                                    const std::vector<real> &examples, const std::vector<real> &visible,
                                    const InferenceSettings &s, int64_t batch) {
  check_sizes(examples, visible, generator.output(latent), s);
  const int64_t size = generator.output(latent).example(), count = int64_t(examples.size()) / size;
  Energies energies(backend, generator, latent, std::min(batch, count * s.restarts), s.sigma);
  const RandomKey key{s.seed, Purpose::evaluation};
  const auto batches = [&](int64_t chains) { return double((chains + energies.batch() - 1) / energies.batch()); };
  const double all_steps = batches(count * s.restarts) * double(1 + s.trial_steps) + batches(count) * double(s.steps);
  double steps_done = 0;
  const auto run = [&](const std::vector<Chain *> &all, int64_t steps) {
    for (size_t first = 0; first < all.size(); first += size_t(energies.batch())) {
      const size_t end = std::min(all.size(), first + size_t(energies.batch()));
      const std::vector<Chain *> some(all.begin() + int64_t(first), all.begin() + int64_t(end));
      energies.load(some, examples, visible);
      for (int64_t k = 0; k < steps; ++k) {
        step(energies, some, key);
        if (s.watch) s.watch(++steps_done / all_steps);
      }
    }
  };

  std::vector<Chain> chains(size_t(count * s.restarts));
  std::vector<Chain *> all, chosen;
  for (size_t k = 0; k < chains.size(); ++k) {
    chains[k].number = int64_t(k);
    chains[k].example = int64_t(k) / s.restarts;
    all.push_back(&chains[k]);
  }
  run(all, 1 + s.trial_steps);
  for (int64_t i = 0; i < count; ++i)
    chosen.push_back(*std::min_element(
        all.begin() + i * s.restarts, all.begin() + (i + 1) * s.restarts,
        [](const Chain *a, const Chain *b) { return a->best.squared_error < b->best.squared_error; }));
  run(chosen, s.steps);

  std::vector<Inferred> inferred;
  for (int64_t i = 0; i < count; ++i) {
    const Point &best = chosen[i]->best;
    const auto seen = visible.begin() + (visible.empty() ? 0 : i * size);
    const int64_t elements = visible.empty() ? size : std::count(seen, seen + size, real(1));
    if (elements == 0) throw std::invalid_argument("inference from an example with nothing visible");
    inferred.push_back({{best.z.begin(), best.z.end()},
                        energies.examples({best.z}),
                        std::sqrt(best.squared_error / double(elements))});
  }
  return inferred;
}

Inferred infer_latent(Backend &backend, Network &generator, const std::vector<Shape> &latent,
                      const std::vector<real> &x, const InferenceSettings &s) {
  if (x.size() != size_t(generator.output(latent).example()))
    throw std::invalid_argument("inference needs an example of " + generator.output(latent).str());
  return infer_latents(backend, generator, latent, x, {}, s, s.restarts).front();
}

}  // namespace coopnets
