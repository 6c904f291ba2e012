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
const Window point{};

class Gsn final : public OfChain {
 public:
  explicit Gsn(const ChainParts &p)
      : OfChain(p, {"squared_error", "error"}, 1 / double(p.settings.batch)),
        arena_(backend_),
        chain_arena_(backend_),
        tape_(backend_, arena_),
        chain_tape_(backend_, chain_arena_) {
    const RandomKey key{seed_, Purpose::generator_weights};
    const int64_t pixels = p.example.example(), units = p.settings.width, n = p.settings.batch;
    first_ = std::make_unique<TiedLayers>(backend_, pixels, units, key, 0, p.settings.generator_init);
    second_ = std::make_unique<TiedLayers>(backend_, units, units, key, 1, p.settings.generator_init);
    descent_ = std::make_unique<Descent>(backend_, settings_.optimizer == "adam", parameters());
    half_ = Tensor(backend_, observed_.shape());
    share_ = Tensor(backend_, observed_.shape());
    visible_ = Tensor(backend_, observed_.shape());
    hidden_ = Tensor(backend_, first_->hidden(n));
    backend_.fill(half_, real(0.5));
    backend_.fill(share_, kept_share);
    record_learning();
    record_chain();
  }

  NamedViews state() override {
    NamedViews all = {{"chain.visible", visible_}, {"chain.hidden", hidden_}};
    for (const NamedViews &part : {first_->named("gsn.0"), second_->named("gsn.1")})
      all.insert(all.end(), part.begin(), part.end());
    for (auto &one : descent_->named("gsn")) all.push_back(std::move(one));
    return all;
  }

 private:
  // W0, b0, b1, W1, b2; the second layers' visible bias is not used, as b1 is the first's.
  std::vector<View> parameters() const {
    return {first_->weights, first_->visible_bias, first_->hidden_bias, second_->weights, second_->hidden_bias};
  }

  // The numbers that one step draws.
  struct Draws {
    Tensor mask, salt, before, after;  // 1 where a unit is kept; what the others become; e and e'
  };
  Draws new_draws() {
    Draws d;
    d.mask = Tensor(backend_, observed_.shape());
    d.salt = Tensor(backend_, observed_.shape());
    d.before = Tensor(backend_, hidden_.shape());
    d.after = Tensor(backend_, hidden_.shape());
    return d;
  }
  // For the clock's iteration; `index` tells the steps of one iteration apart.
  void draw_numbers(Draws &d, int64_t index) {
    const RandomKey key{seed_, Purpose::langevin};
    backend_.bernoulli(share_, key, 5 * index, d.mask);
    backend_.bernoulli(half_, key, 5 * index + 1, d.salt);
    backend_.fill_normal(d.before, 0, real(settings_.sigma), key, 5 * index + 2);
    backend_.fill_normal(d.after, 0, real(settings_.sigma), key, 5 * index + 3);
    const View salt = d.salt;  // only where the mask is 0
    backend_.multiply(salt, d.mask, made_);
    backend_.difference(1, salt, made_, salt);
  }

  struct State {
    Variable visible, hidden, logit;
  };
  std::vector<Variable> leaves(Tape &tape) {
    std::vector<Variable> all;
    for (const View parameter : parameters()) all.push_back(tape.leaf(parameter));
    return all;
  }
  Variable corrupted(Tape &tape, Variable x, const Draws &d) {
    return add(tape, multiply(tape, x, tape.leaf(d.mask)), tape.leaf(d.salt));
  }
  // From x~ and h2 (absent: 0) to p's logit and, where `next` is given, h2 and the next x~.
  State step(Tape &tape, const std::vector<Variable> &w, State s, const Draws &d, const Draws *next, int64_t index) {
    Variable h1 = conv(tape, s.visible, w[0], w[2], point, linear());
    if (s.hidden.id >= 0) h1 = add(tape, h1, deconv(tape, s.hidden, w[3], {}, point, tape.shape(h1), linear()));
    h1 = activate(tape, h1, tanh_activation());
    s.logit = deconv(tape, h1, w[0], w[1], point, observed_.shape(), linear());
    if (!next) return s;
    const Variable h2 = add(tape, conv(tape, h1, w[3], w[4], point, linear()), tape.leaf(d.before));
    s.hidden = add(tape, activate(tape, h2, tanh_activation()), tape.leaf(d.after));
    const Variable p = activate(tape, s.logit, sigmoid_activation());
    const Variable sample = bernoulli(tape, p, {seed_, Purpose::langevin}, 5 * index + 4);
    s.visible = corrupted(tape, sample, *next);
    return s;
  }

  void record_learning() {
    for (int t = 0; t < walk_back; ++t) draws_.push_back(new_draws());
    leaves_ = leaves(tape_);
    const Variable x = tape_.leaf(observed_);
    State s{corrupted(tape_, x, draws_[0]), {}, {}};
    for (int t = 0; t < walk_back; ++t) {
      const bool last = t + 1 == walk_back;
      s = step(tape_, leaves_, s, draws_[size_t(t)], last ? nullptr : &draws_[size_t(t + 1)], t);
      losses_.push_back(activate(tape_, s.logit, softplus()));
      losses_.push_back(multiply(tape_, x, s.logit));
    }
    logit_ = s.logit;
    tape_.keep(logit_);
    gradient_ = &tape_.gradient(losses_, leaves_);
    tape_.plan();
  }

  void record_chain() {
    chain_draws_ = new_draws();
    const State s = step(chain_tape_, leaves(chain_tape_), {chain_tape_.leaf(visible_), chain_tape_.leaf(hidden_), {}},
                         chain_draws_, &chain_draws_, walk_back);
    chain_ = s;
    for (const Variable v : {s.visible, s.hidden, s.logit}) chain_tape_.keep(v);
    chain_tape_.plan();
  }

  void learn(int64_t iteration, double) override {
    if (iteration == 0) begin_at_the_mean(first_->visible_bias);
    for (size_t t = 0; t < draws_.size(); ++t) draw_numbers(draws_[t], int64_t(t));
    tape_.forward();
    const real each = real(1 / double(observed_.size()));
    for (size_t k = 0; k < losses_.size(); ++k) backend_.fill(tape_.seed(*gradient_, k), k % 2 == 0 ? each : -each);
    backend_.activation_forward(tape_.value(logit_), sigmoid_activation(), made_);
    tape_.backward(*gradient_);
    std::vector<View> gradients;
    for (const Variable leaf : leaves_) gradients.push_back(tape_.of(*gradient_, leaf));
    descent_->step(gradients, settings_.generator_rate);
    backend_.copy(observed_, visible_);  // the chain begins where learning ended
    backend_.fill(hidden_, 0);
  }

  void step_chain() override {
    draw_numbers(chain_draws_, walk_back);
    chain_tape_.forward();
    backend_.activation_forward(chain_tape_.value(chain_.logit), sigmoid_activation(), made_);
    backend_.copy(chain_tape_.value(chain_.visible), visible_);
    backend_.copy(chain_tape_.value(chain_.hidden), hidden_);
  }

  std::unique_ptr<TiedLayers> first_, second_;
  Tensor half_, share_, visible_, hidden_;  // visible_, hidden_: the chain's x~ and h2
  std::vector<Draws> draws_;
  Draws chain_draws_;
  Arena arena_, chain_arena_;
  Tape tape_, chain_tape_;
  std::vector<Variable> leaves_, losses_;
  Variable logit_;
  State chain_;
  Tape::Gradient *gradient_ = nullptr;
  std::unique_ptr<Descent> descent_;
};

}  // namespace

Rival gsn() {
  const std::string both =
      "batch=100 chains=100 normalise=fixed halvings=0 averaging=0 schedule_steps=0 sample_steps=20 ";
  Rival rival{"gsn", "deep GSN (Bengio, Thibodeau-Laufer et al. 2014)", "layers", {}, nullptr, nullptr, nullptr};
  rival.presets = {
      {"quick", "ours, for two CPU cores: a third of the units, a quarter of the noise, Adam",
       both + "iterations=4000 width=500 generator_init=0.045 sigma=0.5 optimizer=adam generator_rate=0.0005"},
      {"paper",
       "rates, units and noise of the paper's code; normal first weights, a constant rate; the length of the run is "
       "ours",
       both + "iterations=500000 width=1500 generator_init=0.03 sigma=2 optimizer=momentum generator_rate=0.25"}};
  rival.of_digits = true;
  rival.chain = [](const ChainParts &p) -> std::unique_ptr<ChainLearner> { return std::make_unique<Gsn>(p); };
  return rival;
}

}  // namespace coopnets
