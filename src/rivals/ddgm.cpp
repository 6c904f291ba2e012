// DDGM: Kim, Bengio: Deep directed generative models with energy-based probability estimation. 2016 (arXiv 1606.03439),
// after github.com/musyoku/ddgm.
//
//   E(x) = |x|^2 / v - b'x - sum over i of softplus(w_i'f(x) + b_i), a product of experts on features f; v is
// the number of pixels here, as at 64x64 |x|^2 is in thousands. Its negative phase is what the generator makes:
//   energy net:  E(observed) - E(g(z))
//   generator:   KL(p_g || p_E) = E(g(z)) - H,  H = sum over g's batch norm scales of ln(scale^2)/2 + constants,
// the entropy of its normalised units. Features end in tanh, and minibatch discrimination tells experts how alike the
// pictures of a batch are.
#include "rivals/two_nets.h"

namespace coopnets {

namespace {

constexpr int64_t experts = 128, closeness_features = 16, closeness_numbers = 5;

NetFunction energy(const Settings &s, uint64_t) {
  return [width = s.width](Recorder &r, const Variables &x) {
    const double pixels = double(r.shape(x[0]).example());
    const Variable square = r.affine(r.multiply(x[0], x[0]), 1 / pixels, 0);
    const Variable linear = r.fully_connected(x[0], 1, LayerOptions().without_bias());
    const Variable features = r.activate(discriminator_trunk(r, x[0], width), tanh_activation());
    const Variable numbers = r.fully_connected(features, closeness_features * closeness_numbers);
    const Variable alike = r.closeness(numbers, closeness_features);
    Variable expert = r.fully_connected(features, experts);
    expert = r.add(expert, r.fully_connected(alike, experts, LayerOptions().without_bias()));
    return Variables{square, linear, r.activate(expert, softplus())};
  };
}

// Scales are what the entropy is made of.
NetFunction with_scales(const NetFunction &own, const Settings &, const Shape &) {
  return [=](Recorder &r, const Variables &z) {
    r.always_scale = true;
    return own(r, z);
  };
}

class Ddgm final : public TwoNets {
 public:
  explicit Ddgm(const RivalParts &p)
      : TwoNets(p, {{"energy_observed", "E"}, {"energy_made", "E"}, {"entropy", "H"}},
                {OptimizerSettings::adam, p.settings.descriptor_rate},
                {OptimizerSettings::adam, p.settings.generator_rate}) {
    for (const Parameter &q : p.generator.parameters())
      if (q.kind == Parameter::scale) {
        halves_.emplace_back(backend_, q.shape);
        backend_.fill(halves_.back(), real(-0.5));
        scratch_.emplace_back(backend_, q.shape);
      }
  }

 private:
  void learn(int64_t) override {
    const double mean = 1 / count_;
    generate();
    on_observed_.forward();
    on_made_.forward();
    const std::vector<double> energy = {mean, -mean, -mean}, less = {-mean, mean, mean};
    for (size_t k = 0; k < energy.size(); ++k) measure(0, on_observed_.output(k), energy[k]);
    for (size_t k = 0; k < energy.size(); ++k) measure(1, on_made_.output(k), energy[k]);
    partner_step(energy, less);
    on_made_.forward();
    generator_step(energy);
  }

  // d(-H)/d scale = -1/2 d ln(scale^2)/d scale
  void add_to_generator_gradient() override {
    const std::vector<Parameter> &all = g_.net().parameters();
    for (size_t i = 0, k = 0; i < all.size(); ++i) {
      if (all[i].kind != Parameter::scale) continue;
      backend_.function_forward(all[i].value, Function::log_square, scratch_[k]);
      measure(2, scratch_[k], 0.5);
      backend_.function_backward(all[i].value, halves_[k], Function::log_square, scratch_[k]);
      backend_.add(g_.gradient(Wrt::parameters, i), scratch_[k++], g_.gradient(Wrt::parameters, i));
    }
  }
  std::vector<Tensor> halves_, scratch_;
};

}  // namespace

Rival ddgm() {
  const std::string both =
      "batch=64 chains=64 statistics=running descriptor_rate=0.0002 generator_rate=0.0002 descriptor_init=0.05 "
      "generator_init=0.05 halvings=0 averaging=0 schedule_steps=0 latent=100 ";
  Rival rival{
      "ddgm",
      "DDGM (Kim, Bengio 2016)",
      "energy",
      two_nets_use(),
      {{"quick", "ours, for two CPU cores", both + "batch=32 chains=32 iterations=3000 width=16"},
       {"paper",
        "rates and initial weights of the reimplementation; fewer experts, no dropout and no clipped gradients; "
        "the length of the run is ours",
        both + "iterations=30000 width=32"}},
      energy,
      sees_examples,
      [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Ddgm>(p); },
      with_scales};
  rival.one_rank = true;
  return rival;
}

}  // namespace coopnets
