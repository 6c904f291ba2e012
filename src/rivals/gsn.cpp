// Deep GSN: Bengio, Thibodeau-Laufer, Alain, Yosinski: Deep generative stochastic networks trainable by backprop. ICML
// 2014, after github.com/yaoli/GSN: two hidden layers of tanh units with tied weights, and walk-back: the net reconstructs
// the picture not only from a corrupted copy of it but from each state that its own chain reaches in four steps.
//
// One step of the chain, s being the sigmoid and x~ the corrupted visible units:
//   h1 = tanh(W0'x~ + W1 h2 + b1),  p = s(W0 h1 + b0),  h2 = tanh(W1'h1 + b2 + e) + e',  e, e' ~ N(0, sigma^2)
//   x~ <- salt and pepper on 0.4 of the units of a sample of p
// The loss is the cross-entropy of the picture and p in each step, mean over units; samples are the p of the chain.
#include "rivals/chain.h"

namespace coopnets {

namespace {

constexpr int walk_back = 4;
constexpr real kept_share = real(0.6);

class Gsn final : public OfChain {
 public:
  explicit Gsn(const ChainParts &p)
      : OfChain(p, {"squared_error", "error"}, 1 / double(p.settings.batch)),
        first_(backend_, p.example.example(), settings_.width, RandomKey{p.seed, Purpose::generator_weights}, 0,
               settings_.generator_init),
        second_(backend_, settings_.width, settings_.width, RandomKey{p.seed, Purpose::generator_weights}, 1,
                settings_.generator_init),
        descent_(backend_, settings_.optimizer == "adam", parameters()),
        half_(backend_, observed_.shape()),
        share_(backend_, observed_.shape()),
        visible_(backend_, observed_.shape()),
        hidden_(backend_, first_.hidden(observed_.shape().n)),
        chain_noise_(hidden_) {
    backend_.fill(half_, real(0.5));
    backend_.fill(share_, kept_share);
    record_learning();
    Tape &t = chain_.tape;
    walked_ = step(chain_, {t.leaf(visible_), t.leaf(hidden_), {}}, walk_back, &chain_noise_, walk_back);
    for (const Variable v : {walked_.visible, walked_.hidden, walked_.logit}) t.keep(v);
    chain_.plan();
  }

  NamedViews state() override {
    return joined({{{"chain.visible", visible_}, {"chain.hidden", hidden_}},
                   first_.named("gsn.0"),
                   second_.named("gsn.1"),
                   descent_.named("gsn")});
  }

 private:
  // W0, b0, b1, W1, b2; the second layers' visible bias is not used, as b1 is the first's.
  std::vector<View> parameters() const {
    return {first_.weights, first_.visible_bias, first_.hidden_bias, second_.weights, second_.hidden_bias};
  }

  // e and e' of one step.
  struct Noise {
    Tensor before, after;
    explicit Noise(const Tensor &like) : before(like.backend(), like.shape()), after(like.backend(), like.shape()) {}
  };
  // For the clock's iteration; `index` tells the steps of one iteration apart.
  void draw_noise(const Noise &noise, int64_t index) {
    backend_.fill_normal(noise.before, 0, real(settings_.sigma), key_, 5 * index + 2);
    backend_.fill_normal(noise.after, 0, real(settings_.sigma), key_, 5 * index + 3);
  }

  struct State {
    Variable visible, hidden, logit;
  };
  // x k + r (1 - k): k is 1 where a unit is kept, r 0 or 1 as often, both of the step of this index.
  Variable corrupted(Tape &tape, Variable x, int64_t index) {
    const Variable kept = bernoulli(tape, tape.leaf(share_), key_, 5 * index);
    const Variable salt = bernoulli(tape, tape.leaf(half_), key_, 5 * index + 1);
    return add(tape, multiply(tape, x, kept), multiply(tape, salt, affine(tape, kept, -1, 1)));
  }
  // From x~ and h2 (absent: 0) to p's logit and, unless the noise is null, h2 and the x~ of step `next`.
  State step(Taped &on, State s, int64_t index, const Noise *noise, int64_t next) {
    Tape &t = on.tape;
    const std::vector<Variable> &w = on.parameters;
    Variable h1 = conv(t, s.visible, w[0], w[2], {}, linear());
    if (s.hidden.id >= 0) h1 = add(t, h1, deconv(t, s.hidden, w[3], {}, {}, t.shape(h1), linear()));
    h1 = activate(t, h1, tanh_activation());
    s.logit = deconv(t, h1, w[0], w[1], {}, observed_.shape(), linear());
    if (!noise) return s;
    const Variable h2 = add(t, conv(t, h1, w[3], w[4], {}, linear()), t.leaf(noise->before));
    s.hidden = add(t, activate(t, h2, tanh_activation()), t.leaf(noise->after));
    const Variable p = activate(t, s.logit, sigmoid_activation());
    s.visible = corrupted(t, bernoulli(t, p, key_, 5 * index + 4), next);
    return s;
  }

  void record_learning() {
    const Variable x = learning_.tape.leaf(observed_);
    State s{corrupted(learning_.tape, x, 0), {}, {}};
    for (int t = 0; t < walk_back; ++t) {
      if (t + 1 < walk_back) noises_.emplace_back(hidden_);
      s = step(learning_, s, t, t + 1 < walk_back ? &noises_.back() : nullptr, t + 1);
      learning_.add_cross_entropy(x, s.logit, 1 / double(observed_.size()));
    }
    logit_ = s.logit;
    learning_.tape.keep(logit_);
    learning_.plan();
  }

  void learn(int64_t iteration, double) override {
    if (iteration == 0) begin_at_the_mean(first_.visible_bias);
    for (size_t t = 0; t < noises_.size(); ++t) draw_noise(noises_[t], int64_t(t));
    descent_.step(learning_.gradients(), settings_.generator_rate);
    backend_.count_passes(2 * walk_back * observed_.shape().n);
    backend_.activation_forward(learning_.tape.value(logit_), sigmoid_activation(), made_);
    backend_.copy(observed_, visible_);  // the chain begins where learning ended
    backend_.fill(hidden_, 0);
  }

  void step_chain() override {
    draw_noise(chain_noise_, walk_back);
    chain_.tape.forward();
    backend_.activation_forward(chain_.tape.value(walked_.logit), sigmoid_activation(), made_);
    backend_.copy(chain_.tape.value(walked_.visible), visible_);
    backend_.copy(chain_.tape.value(walked_.hidden), hidden_);
  }

  const RandomKey key_{seed_, Purpose::langevin};
  TiedLayers first_, second_;
  Descent descent_;
  Tensor half_, share_, visible_, hidden_;  // visible_, hidden_: the chain's x~ and h2
  Noise chain_noise_;
  std::vector<Noise> noises_;
  Taped learning_{backend_, parameters()}, chain_{backend_, parameters()};
  Variable logit_;  // of the last step that is learned
  State walked_;
};

}  // namespace

Rival gsn() {
  const std::string both =
      "batch=100 chains=100 normalise=fixed halvings=0 averaging=0 schedule_steps=0 sample_steps=20 ";
  Rival rival =
      rival_of_digits("gsn", "deep GSN (Bengio, Thibodeau-Laufer et al. 2014)", "layers", "sigma optimizer",
                      [](const ChainParts &p) -> std::unique_ptr<ChainLearner> { return std::make_unique<Gsn>(p); });
  rival.presets = {
      {"quick", "ours, for two CPU cores: a third of the units, a quarter of the noise, Adam",
       both + "iterations=4000 width=500 generator_init=0.045 sigma=0.5 optimizer=adam generator_rate=0.0005"},
      {"paper",
       "rates, units and noise of the paper's code; normal first weights, a constant rate; the length of the run is "
       "ours",
       both + "iterations=500000 width=1500 generator_init=0.03 sigma=2 optimizer=momentum generator_rate=0.25"}};
  return rival;
}

}  // namespace coopnets
