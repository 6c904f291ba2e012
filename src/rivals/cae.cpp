// Stacked contractive auto-encoder: Rifai, Vincent, Muller, Glorot, Bengio: Contractive auto-encoders. ICML 2011; samples
// by a walk along the directions that its code is sensitive to: Rifai, Bengio, Dauphin, Vincent: A generative process for
// sampling contractive auto-encoders. ICML 2012 (arXiv 1206.6434).
//
// A layer has h = s(W'x + c), a reconstruction s(u) with u = W h + b, and the loss of an example
//   sum of softplus(u) - x u  +  lambda |dh/dx|^2,   |dh/dx|^2 = sum over i of (h_i (1 - h_i))^2 |W_i|^2,
// the first being the cross-entropy of x and s(u). The second layer learns the codes of the first, from the middle of the
// run on. A step of the walk: h' = h + J J'e, e ~ N(0, sigma^2), J = dh/dx of both layers; x' is what h' decodes to.
#include "rivals/chain.h"
#include "rivals/contractive_layer.h"

namespace coopnets {

namespace {

const Window point{};

int64_t second_begins(int64_t iterations) { return (iterations + 1) / 2; }

class Cae final : public OfChain {
 public:
  explicit Cae(const ChainParts &p) : OfChain(p, {"squared_error", "error"}, 1 / double(p.settings.batch)) {
    const RandomKey key{seed_, Purpose::generator_weights};
    const int64_t pixels = p.example.example(), units = p.settings.width, n = p.settings.batch;
    first_ = std::make_unique<ContractiveLayer>(backend_, pixels, units, key, 0, n, p.settings.generator_init);
    second_ = std::make_unique<ContractiveLayer>(backend_, units, units, key, 1, n, p.settings.generator_init);
    for (Tensor *tensor : {&h1_, &h2_, &walk1_, &walk2_}) *tensor = Tensor(backend_, first_->hidden(n));
    for (Tensor *tensor : {&chain_, &walk0_}) *tensor = Tensor(backend_, first_->visible(n));
  }

  NamedViews state() override { return joined({{{"chain", chain_}}, first_->state("cae.0"), second_->state("cae.1")}); }

 private:
  void learn(int64_t iteration, double rate) override {
    if (iteration == 0) begin_at_the_mean(first_->visible_bias);
    backend_.copy(observed_, chain_);  // the walk begins where learning ended
    const int64_t of_first = second_begins(settings_.iterations);
    if (iteration < of_first) {
      backend_.copy(observed_, first_->x);
      first_->step(settings_.generator_rate, made_);
      return;
    }
    first_->up(observed_, second_->x);
    backend_.set_clock({iteration - of_first, rate});  // Adam's moments begin here
    second_->step(settings_.generator_rate, h1_);
    first_->down(h1_, made_);
  }

  void step_chain() override {
    first_->up(chain_, h1_);
    second_->up(h1_, h2_);
    backend_.fill_normal(walk2_, 0, real(settings_.sigma), {seed_, Purpose::langevin}, 0);
    sensitive_walk();
    backend_.add(h2_, walk2_, h2_);
    second_->down(h2_, h1_);
    first_->down(h1_, chain_);
    backend_.copy(chain_, made_);
  }

  // walk2 <- J J' walk2, J = D2 W2' D1 W1' with D the slopes h (1 - h) of each layer.
  void sensitive_walk() {
    const Activation sigmoid = sigmoid_activation();
    backend_.activation_backward(h2_, sigmoid, walk2_);
    backend_.conv_backward_input(walk2_, second_->weights, point, {}, walk1_);
    backend_.activation_backward(h1_, sigmoid, walk1_);
    backend_.conv_backward_input(walk1_, first_->weights, point, {}, walk0_);
    backend_.conv_forward(walk0_, first_->weights, point, {}, walk1_);
    backend_.activation_backward(h1_, sigmoid, walk1_);
    backend_.conv_forward(walk1_, second_->weights, point, {}, walk2_);
    backend_.activation_backward(h2_, sigmoid, walk2_);
  }

  std::unique_ptr<ContractiveLayer> first_, second_;
  Tensor chain_, h1_, h2_, walk0_, walk1_, walk2_;
};

}  // namespace

Rival cae() {
  const std::string both =
      "batch=100 chains=100 normalise=fixed generator_init=0.02 generator_rate=0.001 halvings=1 "
      "averaging=0 schedule_steps=0 sample_steps=20 sigma=0.1 ";
  Rival rival =
      rival_of_digits("cae", "stacked CAE (Rifai et al. 2011, 2012)", "layers", "sigma",
                      [](const ChainParts &p) -> std::unique_ptr<ChainLearner> { return std::make_unique<Cae>(p); });
  rival.presets = {
      {"quick", "ours, for two CPU cores: 500-500 units", both + "iterations=12000 width=500"},
      {"paper", "two layers of 1000 units; Adam in place of gradient descent", both + "iterations=50000 width=1000"}};
  rival.laid_over_run = true;
  rival.last_layer_begins = second_begins;
  return rival;
}

}  // namespace coopnets
