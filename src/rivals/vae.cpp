// VAE: Kingma, Welling: Auto-encoding variational Bayes. ICLR 2014. With a Gaussian decoder N(g(z), s^2) the loss of a
// picture is, but for constants,
//   |x - g(z)|^2 / (2 s^2) + w KL(N(m, d^2) || N(0, I)),  z = m + d e,  e ~ N(0, I),
//   KL = sum over k of (m_k^2 + d_k^2)/2 - ln d_k - 1/2.
// s = sqrt(1/2) and w = 2 are those of a VAE's code by the authors of CoopNets (github.com/jianwen-xie/CoopVAEBM).
// Samples are the decoder's means g(z) of z ~ N(0, I).
#include "rivals/two_nets.h"

namespace coopnets {

namespace {

// x and e -> z, m^2, d^2, -ln d - 1/2.
NetFunction encoder(const Settings &s, uint64_t) {
  return [width = s.width, latent = s.latent](Recorder &r, const Variables &x) {
    const Variable h = discriminator_trunk(r, x[0], width);
    const Variable mean = r.fully_connected(h, latent);
    const Variable log_deviation = r.fully_connected(h, latent);
    const Variable deviation = r.apply(log_deviation, Function::exponential);
    const Variable noise = r.multiply(deviation, x[1]);
    const Variable z = r.add(mean, noise);
    const Variable squared_mean = r.multiply(mean, mean), variance = r.multiply(deviation, deviation);
    return Variables{z, squared_mean, variance, r.affine(log_deviation, -1, -0.5)};
  };
}

class Vae final : public TwoNets {
 public:
  explicit Vae(const RivalParts &p)
      : TwoNets(p, {{"squared_error", "error"}, {"divergence", "KL"}},
                {OptimizerSettings::adam, p.settings.descriptor_rate},
                {OptimizerSettings::adam, p.settings.generator_rate}, Learns::from_reconstruction) {}

  // Of latent vectors from the prior: what learn() made are reconstructions. The next iteration computes all of this
  // anew.
  std::vector<std::pair<std::string, ConstView>> samples() const override {
    const_cast<Vae *>(this)->generate(Purpose::second_latent);
    return TwoNets::samples();
  }

 private:
  void learn(int64_t) override {
    const double mean = 1 / count_, weight = settings_.divergence_weight;
    noise_.draw(key(Purpose::latent));
    on_observed_.forward();
    backend_.copy(on_observed_.output(0), latents_.views().at(0));
    g_.forward();
    measure_squares(0, observed_, g_.output(), mean);
    measure(1, on_observed_.output(1), mean / 2);
    measure(1, on_observed_.output(2), mean / 2);
    measure(1, on_observed_.output(3), mean);
    backend_.difference(real(mean / (settings_.sigma * settings_.sigma)), g_.output(), observed_, g_.seed(Wrt::both));
    g_.backward(Wrt::both);
    seed(on_observed_, Wrt::parameters, {0, weight * mean / 2, weight * mean / 2, weight * mean});
    backend_.copy(g_.gradient(Wrt::inputs), on_observed_.seed(Wrt::parameters, 0));
    on_observed_.backward(Wrt::parameters);
    partner_.step(on_observed_);
    generator_.step(g_);
    on_observed_.track();
    g_.track();
  }
};

}  // namespace

Rival vae() {
  const std::string both =
      "batch=64 chains=64 statistics=running descriptor_rate=0.0002 generator_rate=0.0002 descriptor_init=0.02 "
      "generator_init=0.02 halvings=0 averaging=0 schedule_steps=0 latent=100 sigma=0.7071067811865476 "
      "divergence_weight=2 ";
  return {"vae",
          "VAE (Kingma, Welling 2014)",
          "encoder",
          two_nets_use("divergence_weight"),
          {{"quick", "ours, for two CPU cores: rates five times those of the paper preset, as the nets are small",
            both + "batch=32 chains=32 iterations=3000 width=16 descriptor_rate=0.001 generator_rate=0.001 halvings=2"},
           {"paper", "rates, noise and weights of the authors' CoopVAEBM code; the length of the run is ours",
            both + "iterations=30000 width=64"}},
          encoder,
          [](const Shape &example, const Settings &s) {
            return std::vector<Shape>{example, {1, 1, 1, 1, s.latent}};
          },
          [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Vae>(p); }};
}

}  // namespace coopnets
