// InfoGAN: Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel: Interpretable representation learning by information
// maximizing generative adversarial nets. NeurIPS 2016, after github.com/openai/InfoGAN.
//
// The generator's input is noise, a category and some numbers from -1 to 1, all made of one normal vector z: the category
// is the largest of as many elements, a number is erf(z / sqrt 2). A head q beside the discriminator's guesses the codes
// from what was made, and both nets make the bound on their mutual information large:
//   L_I = E[ln q(category)] - E[(number - q(number))^2 / 2] + constants
// (a Gaussian of deviation 1, as in that code). GAN losses as in dcgan.cpp.
#include <stdexcept>

#include "rivals/two_nets.h"

namespace coopnets {

namespace {

struct Codes {
  Variable category, numbers;
};
Codes codes_of(Recorder &r, Variable z, const Settings &s) {
  Codes codes;
  codes.category = r.one_hot(r.slice(z, 0, s.categories));
  codes.numbers = r.apply(r.slice(z, s.categories, s.numbers), Function::normal_to_uniform);
  return codes;
}

NetFunction with_codes(const NetFunction &own, const Settings &s, const Shape &) {
  return [=](Recorder &r, const Variables &z) {
    const int64_t codes = s.categories + s.numbers;
    if (s.latent <= codes)
      throw std::invalid_argument("infogan needs more latent channels than the " + std::to_string(codes) +
                                  " of its codes (--set latent=N)");
    const Codes c = codes_of(r, z[0], s);
    const Variable both = r.join(c.category, c.numbers);
    return own(r, {r.join(both, r.slice(z[0], codes, s.latent - codes))});
  };
}

// x and z -> softplus(l), l, ln q(category) of the one that it was, (number - q(number))^2.
NetFunction discriminator(const Settings &s, uint64_t) {
  return [s](Recorder &r, const Variables &x) {
    const Variable h = discriminator_trunk(r, x[0], s.width);
    const Variable logit = r.fully_connected(h, 1);
    Variable q = r.fully_connected(h, 8 * s.width, LayerOptions().without_bias());
    q = r.batch_norm(q, leaky_relu(0.2));
    const Variable category = r.log_softmax(r.fully_connected(q, s.categories));
    const Variable numbers = r.fully_connected(q, s.numbers);
    const Codes codes = codes_of(r, x[1], s);
    const Variable right = r.multiply(codes.category, category);
    const Variable error = r.add(codes.numbers, r.affine(numbers, -1, 0));
    return Variables{r.activate(logit, softplus()), logit, right, r.multiply(error, error)};
  };
}

class Infogan final : public TwoNets {
 public:
  explicit Infogan(const RivalParts &p)
      : TwoNets(
            p, {{"loss_discriminator", "loss"}, {"loss_generator", "loss"}, {"log_q_category", ""}, {"code_error", ""}},
            {OptimizerSettings::adam, p.settings.descriptor_rate},
            {OptimizerSettings::adam, p.settings.generator_rate}) {}

 private:
  void learn(int64_t) override {
    const double mean = 1 / count_, weight = settings_.information_weight * mean;
    generate();
    on_observed_.forward();
    on_made_.forward();
    measure_logistic_losses();
    measure(2, on_made_.output(2), mean);
    measure(3, on_made_.output(3), mean / double(settings_.numbers));
    partner_step({mean, -mean, 0, 0}, {mean, 0, -weight, weight / 2});
    on_made_.forward();
    generator_step({mean, -mean, -weight, weight / 2});
  }

  std::string unhealthy(const std::vector<double> &values) override { return certain(values[0]); }
};

}  // namespace

Rival infogan() {
  const std::string both =
      "batch=64 chains=64 statistics=running descriptor_rate=0.0002 generator_rate=0.0002 descriptor_init=0.02 "
      "generator_init=0.02 halvings=0 averaging=0 schedule_steps=0 latent=74 categories=10 numbers=2 "
      "information_weight=1 ";
  return {"infogan",
          "InfoGAN (Chen et al. 2016)",
          "discriminator",
          two_nets_use("categories numbers information_weight"),
          {{"quick", "ours, for two CPU cores", both + "batch=32 chains=32 iterations=3000 width=16"},
           {"paper", "codes, rates and weights of the paper's code; the length of the run is ours",
            both + "iterations=30000 width=64 generator_rate=0.001"}},
          discriminator,
          sees_latents_too,
          [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Infogan>(p); },
          with_codes};
}

}  // namespace coopnets
