// GAN: Goodfellow et al.: Generative adversarial nets. NeurIPS 2014, after github.com/goodfeli/adversarial, mnist.yaml:
// fully connected nets, maxout and dropout in the discriminator, both nets by gradient descent with momentum, at once and
// on the same samples.
#include <algorithm>
#include <cmath>

#include "experiments/model.h"
#include "rivals/two_nets.h"

namespace coopnets {

namespace {

// z ~ U(-sqrt 3, sqrt 3) -> 1200 -> 1200 -> the picture. Initial weights have the deviation of U(-0.05, 0.05). The last
// layer's filters of a unit that is always 1 are a bias of each pixel.
NetFunction own_generator(const NetFunction &, const Settings &s, const Shape &example) {
  return [=](Recorder &r, const Variables &z) {
    const int64_t hidden = 16 * s.width;
    Variable h = r.affine(r.apply(z[0], Function::normal_to_uniform), std::sqrt(3.), 0);
    h = r.fully_connected(h, hidden, relu());
    h = r.fully_connected(h, hidden, relu());
    h = r.join(h, r.affine(r.slice(z[0], 0, 1), 0, 1));
    return Variables{r.deconv(h, example.c, valid(example.h), tanh_activation())};
  };
}

// Of pictures from 0 to 1, as in the source. Two layers of maxout of five; of the input 0.8 are kept, of hidden layers 0.5.
NetFunction discriminator(const Settings &s, uint64_t seed) {
  // Each recording draws masks of its own, so that observed and made pictures have not the same.
  return [s, seed, recordings = std::make_shared<uint64_t>(0)](Recorder &r, const Variables &x) {
    const RandomKey key{seed + (++*recordings << 32), Purpose::dropout};
    const int64_t units = 16 * s.width / 5, pieces = 5;
    Variable h = r.dropout(r.affine(x[0], 0.5, 0.5), 0.8, key);
    h = r.maxout(r.fully_connected(h, units * pieces), pieces);
    h = r.maxout(r.fully_connected(r.dropout(h, 0.5, key), units * pieces), pieces);
    const Variable logit = r.fully_connected(r.dropout(h, 0.5, key), 1);
    return Variables{r.activate(logit, softplus()), logit};
  };
}

class Gan final : public TwoNets {
 public:
  explicit Gan(const RivalParts &p)
      : TwoNets(p, {{"loss_discriminator", "loss"}, {"loss_generator", "loss"}},
                {optimizer_rule(p.settings), p.settings.descriptor_rate},
                {optimizer_rule(p.settings), p.settings.generator_rate}) {}

 private:
  // The bias of each pixel is such that g makes the mean picture, here of the first batch.
  void begin_at_the_mean() {
    const std::vector<real> observed = observed_.values();
    const int64_t pixels = observed_.shape().example();
    std::vector<double> mean(size_t(pixels), 0);
    for (size_t i = 0; i < observed.size(); ++i) mean[i % size_t(pixels)] += observed[i] / count_;
    backend_.ranks().sum(mean.data(), pixels);
    for (Parameter &p : g_.net().parameters()) {
      const int64_t units = p.shape.c;
      if (p.kind != Parameter::filters || p.shape.size() != pixels * units || p.shape.h < 2) continue;
      std::vector<real> filters = p.value.values();
      for (int64_t i = 0; i < pixels; ++i)
        filters[size_t((i + 1) * units - 1)] = real(std::atanh(std::clamp(mean[size_t(i)], -0.99, 0.99)));
      p.value.set_values(filters);
    }
  }

  int sequence(int64_t) const override { return -1; }  // momentum changes each time

  // Divided by 1.000004 after each batch, to 1e-6 of it at least.
  double rate_factor(int64_t iteration) const override {
    return std::max(std::pow(1.000004, -double(iteration)), 1e-6);
  }

  void learn(int64_t iteration) override {
    const double mean = 1 / count_;
    // From 0.5 to 0.7 over the run, as over the source's first 250 epochs.
    const double momentum = 0.5 + 0.2 * std::min(1., double(iteration) / double(settings_.iterations));
    if (iteration == 0) begin_at_the_mean();
    partner_.set_momentum(momentum);
    generator_.set_momentum(momentum);
    generate();
    on_made_.forward();
    measure(1, on_made_.output(0), mean);
    measure(1, on_made_.output(1), -mean);
    measure(0, on_made_.output(0), mean / 2);
    generator_step({mean, -mean});
    on_observed_.forward();
    measure(0, on_observed_.output(0), mean / 2);
    measure(0, on_observed_.output(1), -mean / 2);
    partner_step({mean / 2, -mean / 2}, {mean / 2, 0});
  }

  std::string unhealthy(const std::vector<double> &values) override { return certain(2 * values[0]); }
};

}  // namespace

Rival gan() {
  const std::string both =
      "batch=100 chains=100 statistics=running descriptor_init=0.0028867513459 "
      "generator_init=0.028867513459 halvings=0 averaging=0 schedule_steps=0 latent=100 ";
  return {"gan",
          "GAN (Goodfellow et al. 2014)",
          "discriminator",
          two_nets_use("optimizer"),
          {{"quick",
            "ours, for two CPU cores: a quarter of the units, larger initial weights, Adam; the paper's collapse in "
            "minutes",
            both + "iterations=10000 width=19 optimizer=adam descriptor_init=0.02 generator_init=0.1 "
                   "descriptor_rate=0.0001 generator_rate=0.0002"},
           {"paper",
            "published: mnist.yaml, but for the length of the run and the mean picture, which is the first batch's",
            both + "iterations=250000 width=75 optimizer=momentum descriptor_rate=0.1 generator_rate=0.1"}},
          discriminator,
          sees_examples,
          [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Gan>(p); },
          own_generator,
          true};
}

}  // namespace coopnets
