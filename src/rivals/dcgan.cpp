// DCGAN: Radford, Metz, Chintala: Unsupervised representation learning with deep convolutional generative adversarial
// networks. ICLR 2016. After github.com/soumith/dcgan.torch: both steps see the same samples, and batch norm sees
// observed and made pictures apart.
//
// With l the discriminator's logit, D = 1 / (1 + e^-l), -ln D = softplus(l) - l and -ln (1 - D) = softplus(l), so that
// nothing is rounded where D is certain, and both losses are sums of outputs with constant weights.
#include "rivals/two_nets.h"

namespace coopnets {

namespace {

NetFunction discriminator(const Settings &s, uint64_t) {
  return [width = s.width](Recorder &r, const Variables &x) {
    const Variable logit = r.fully_connected(discriminator_trunk(r, x[0], width), 1);
    return Variables{r.activate(logit, softplus()), logit};
  };
}

class Dcgan final : public TwoNets {
 public:
  explicit Dcgan(const RivalParts &p)
      : TwoNets(p, {{"loss_discriminator", "loss"}, {"loss_generator", "loss"}},
                {OptimizerSettings::adam, p.settings.descriptor_rate},
                {OptimizerSettings::adam, p.settings.generator_rate}) {}

 private:
  void learn(int64_t) override {
    const double mean = 1 / count_;
    generate();
    on_observed_.forward();
    on_made_.forward();
    measure_logistic_losses();
    partner_step({mean, -mean}, {mean, 0});  // -ln D(x) - ln (1 - D(g(z)))
    on_made_.forward();
    generator_step({mean, -mean});  // -ln D(g(z))
  }

  std::string unhealthy(const std::vector<double> &values) override { return certain(values[0]); }
};

}  // namespace

Rival dcgan() {
  const std::string both =
      "batch=64 chains=64 statistics=running descriptor_rate=0.0002 generator_rate=0.0002 descriptor_init=0.02 "
      "generator_init=0.02 halvings=0 averaging=0 schedule_steps=0 latent=100 ";
  return {"dcgan",
          "DCGAN (Radford, Metz, Chintala 2016)",
          "discriminator",
          two_nets_use(),
          {{"quick", "ours, for two CPU cores", both + "batch=32 chains=32 iterations=3000 width=16"},
           {"paper",
            "rates and initial weights of the paper, widths and batch of its Torch code, the generator of the "
            "experiment; the length of the run is ours",
            both + "iterations=30000 width=64"}},
          discriminator,
          sees_examples,
          [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Dcgan>(p); }};
}

}  // namespace coopnets
