// Wasserstein GAN with weight clipping: Arjovsky, Chintala, Bottou: Wasserstein GAN. ICML 2017, algorithm 1, after
// github.com/martinarjovsky/WassersteinGAN: RMSprop, the critic clipped before each of its steps, and 100 critic steps
// instead of five for each of the generator's first 25 steps and each 500th.
//
// An iteration is one critic step; after the last of its turn the generator makes one.
#include "rivals/two_nets.h"

namespace coopnets {

namespace {

NetFunction critic(const Settings &s, uint64_t) {
  return [width = s.width](Recorder &r, const Variables &x) {
    return Variables{r.fully_connected(discriminator_trunk(r, x[0], width), 1)};
  };
}

class Wgan final : public TwoNets {
 public:
  explicit Wgan(const RivalParts &p)
      : TwoNets(p, {{"wasserstein", "W"}}, {OptimizerSettings::rmsprop, p.settings.descriptor_rate},
                {OptimizerSettings::rmsprop, p.settings.generator_rate}) {}

 private:
  // Whether the generator steps after this critic step: see critic_turn_ends().
  int sequence(int64_t iteration) const override { return critic_turn_ends(iteration, settings_.critic_steps); }

  void learn(int64_t iteration) override {
    const double mean = 1 / count_;
    for (const Parameter &p : on_made_.net().parameters()) backend_.clip(p.value, real(settings_.clip));
    generate();
    on_observed_.forward();
    on_made_.forward();
    measure(0, on_observed_.output(), mean);  // E f(x) - E f(g(z)), which the critic makes large
    measure(0, on_made_.output(), -mean);
    partner_step({-mean}, {mean});
    if (!critic_turn_ends(iteration, settings_.critic_steps)) return;
    generate(Purpose::second_latent);
    on_made_.forward();
    generator_step({-mean});
  }
};

}  // namespace

bool critic_turn_ends(int64_t iteration, int64_t steps) {
  constexpr int64_t long_turn = 100, first_turns = 25, period = 500;
  if (iteration < first_turns * long_turn) return iteration % long_turn == long_turn - 1;
  int64_t at = iteration - first_turns * long_turn;
  const int64_t rest = (period - first_turns) * steps;  // of the first period
  if (at < rest) return at % steps == steps - 1;
  at = (at - rest) % (long_turn + (period - 1) * steps);
  return at < long_turn ? at == long_turn - 1 : (at - long_turn) % steps == steps - 1;
}

Rival wgan() {
  const std::string both =
      "batch=64 chains=64 statistics=running descriptor_rate=0.00005 generator_rate=0.00005 "
      "descriptor_init=0.02 generator_init=0.02 halvings=0 averaging=0 schedule_steps=0 latent=100 ";
  return {"wgan",
          "WGAN with weight clipping (Arjovsky, Chintala, Bottou 2017)",
          "critic",
          two_nets_use("critic_steps clip"),
          {{"quick", "ours, for two CPU cores: rates four times those of the paper, as the nets are small",
            both + "batch=32 chains=32 iterations=9000 width=16 descriptor_rate=0.0002 generator_rate=0.0002"},
           {"paper",
            "rates, clipping and turns as published, the generator of the experiment; the length of the run is ours",
            both + "iterations=150000 width=64"}},
          critic,
          sees_examples,
          [](const RivalParts &p) -> std::unique_ptr<Learner> { return std::make_unique<Wgan>(p); }};
}

}  // namespace coopnets
