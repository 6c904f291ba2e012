// EBGAN-PT: Zhao, Mathieu, LeCun: Energy-based generative adversarial networks. ICLR 2017.
//
// The energy of a picture is what an auto-encoder makes of it, D(x) = mean over pixels of (dec(enc(x)) - x)^2:
//   auto-encoder:  D(x) + max(0, m - D(g(z))),  the hinge of each picture
//   generator:     D(g(z)) + w / (N (N - 1)) sum over i != j of cos^2(enc(g(z_i)), enc(g(z_j))), the pulling-away term
// D is differentiated through both of its uses of x.
#include "rivals/two_nets.h"

namespace coopnets {

namespace {

NetFunction autoencoder(const Settings &s, uint64_t) {
  return [=](Recorder &r, const Variables &x) {
    const LayerOptions plain = LayerOptions().without_bias();
    const Shape picture = r.shape(x[0]);
    std::vector<int64_t> sides = {picture.h};
    Variable h = r.conv(x[0], s.width, same_side(4, 2), leaky_relu(0.2));
    for (int64_t channels = 2 * s.width; r.shape(h).h > 8; channels *= 2) {
      sides.push_back(r.shape(h).h);
      h = r.batch_norm(r.conv(h, channels, same_side(4, 2), plain), leaky_relu(0.2));
    }
    const Variable code = h;
    for (; sides.size() > 1; sides.pop_back())
      h = r.batch_norm(r.deconv(h, r.shape(h).c / 2, same_side(4, 2, sides.back()), plain), leaky_relu(0.2));
    h = r.deconv(h, picture.c, same_side(4, 2, picture.h), tanh_activation());
    const Variable residual = r.add(h, r.affine(x[0], -1, 0)), squares = r.multiply(residual, residual);
    const Variable energy = r.affine(r.sum_examples(squares), 1 / double(picture.example()), 0);
    const Variable hinge = r.activate(r.affine(energy, -1, s.margin), relu());
    const Variable cosines = r.cosines(code);
    return Variables{energy, hinge, r.multiply(cosines, cosines)};
  };
}

class Ebgan final : public TwoNets {
 public:
  explicit Ebgan(const RivalParts &p)
      : TwoNets(p, {{"energy_observed", "D"}, {"energy_made", "D"}, {"hinge", ""}, {"cosines", ""}},
                {OptimizerSettings::adam, p.settings.descriptor_rate},
                {OptimizerSettings::adam, p.settings.generator_rate}) {}

 private:
  void learn(int64_t) override {
    const double mean = 1 / count_, pairs = 1 / (count_ * std::max(count_ - 1, 1.));
    generate();
    on_observed_.forward();
    on_made_.forward();
    measure(0, on_observed_.output(0), mean);
    measure(1, on_made_.output(0), mean);
    measure(2, on_made_.output(1), mean);
    measure(3, on_made_.output(2), pairs);  // which counts cos(i, i) = 1, too: 1 / (N - 1) more
    partner_step({mean, 0, 0}, {0, mean, 0});
    on_made_.forward();
    generator_step({mean, 0, settings_.pulling_away * pairs});  // cos(i, i) = 1 has no gradient
  }

  std::string unhealthy(const std::vector<double> &values) override {
    off_ = values[2] == 0 ? off_ + 1 : 0;
    return off_ < 500 ? ""
                      : "every sample's energy has been above the margin for 500 iterations, so the auto-encoder "
                        "learns of observed pictures alone. Try a larger margin";
  }
  int64_t off_ = 0;
};

}  // namespace

Rival ebgan() {
  const std::string both =
      "batch=64 chains=64 statistics=running descriptor_rate=0.0001 generator_rate=0.0002 "
      "descriptor_init=0.02 generator_init=0.02 halvings=1 averaging=0 schedule_steps=0 latent=100 pulling_away=0.1 ";
  Rival rival{
      "ebgan",
      "EBGAN-PT (Zhao, Mathieu, LeCun 2017)",
      "autoencoder",
      two_nets_use("margin pulling_away"),
      {{"quick", "ours, for two CPU cores: rates ten and five times those of the paper, as the nets are small",
        both + "batch=32 chains=32 iterations=3000 width=16 descriptor_rate=0.001 generator_rate=0.001"},
       {"paper",
        "rates and weights as published, the generator of the experiment; the margin is of energies a pixel, the "
        "length of the run ours",
        both + "iterations=30000 width=64"}},
      autoencoder,
      sees_examples,
      [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Ebgan>(p); }};
  rival.one_rank = true;
  return rival;
}

}  // namespace coopnets
