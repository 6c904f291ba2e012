// DBN: Hinton, Osindero, Teh: A fast learning algorithm for deep belief nets. Neural Computation 2006. Three restricted
// Boltzmann machines, learned one after the other for a third of the run each: the lower two by CD-1 (Hinton 2002), the
// top one by persistent chains (Tieleman 2008). The next layer learns the mean activations of those before.
//
// Samples of the whole: the top machine's chain, then means downwards.
#include "rivals/boltzmann_machine.h"
#include "rivals/chain.h"

namespace coopnets {

namespace {

constexpr int64_t gibbs_steps = 15;  // of the top machine's chains in an iteration

class Dbn final : public OfChain {
 public:
  explicit Dbn(const ChainParts &p) : OfChain(p, {"squared_error", "error"}, 1 / double(p.settings.batch)) {
    const int64_t w = p.settings.width, units[] = {p.example.example(), w, w, 4 * w};
    for (int i = 0; i < 3; ++i) {
      machines_.push_back(std::make_unique<BoltzmannMachine>(backend_, units[i], units[i + 1],
                                                             RandomKey{seed_, Purpose::generator_weights}, i,
                                                             p.settings.batch, p.settings.generator_init));
      activations_.emplace_back(backend_, machines_[size_t(i)]->hidden(p.settings.batch));
    }
    chain_ = Tensor(backend_, machines_[2]->hidden(p.settings.batch));
    backend_.fill(chain_, real(0.5));
  }

  NamedViews state() override {
    NamedViews all = {{"chain", chain_}};
    for (size_t i = 0; i < 3; ++i) {
      const std::string name = "dbn." + std::to_string(i);
      for (auto &one : machines_[i]->named(name)) all.push_back(std::move(one));
      for (int k = 0; k < 3; ++k) all.emplace_back(name + ".velocity." + std::to_string(k), machines_[i]->velocity[k]);
    }
    return all;
  }

 private:
  void learn(int64_t iteration, double) override {
    if (iteration == 0) begin_at_the_mean(machines_[0]->visible_bias);
    const int64_t layer = std::min<int64_t>(2, 3 * iteration / settings_.iterations);
    const double begun =
        3 * double(iteration) / double(settings_.iterations) - double(layer);  // part of the layer's time
    ConstView v = observed_;
    for (int64_t i = 0; i < layer; ++i) {
      machines_[size_t(i)]->up(v, activations_[size_t(i)]);
      v = activations_[size_t(i)];
    }
    BoltzmannMachine &m = *machines_[size_t(layer)];
    const View h = activations_[size_t(layer)];
    m.up(v, h);
    if (layer < 2) {
      backend_.bernoulli(h, {seed_, Purpose::langevin}, 0, m.hidden_sample);
      m.down(m.hidden_sample, m.visible_mean);
      m.up(m.visible_mean, m.hidden_mean);
    } else {
      for (int64_t k = 0; k < gibbs_steps; ++k) gibbs(k);
    }
    const ConstView chain = layer < 2 ? ConstView(m.visible_mean) : ConstView(visible_sample());
    // A slower end, and more momentum once the beginning is over (Hinton 2010).
    m.step(v, h, chain, count_, settings_.generator_rate * (begun < 0.5 ? 1 : 2 * (1 - begun) + 0.02),
           begun < 0.1 ? 0.5 : 0.9);
    backend_.copy(m.visible_mean, layer > 0 ? View(activations_[size_t(layer - 1)]) : View(made_));
    downwards(layer);
  }

  // One step of the top machine: v of the chain's h, then h of v.
  void gibbs(int64_t index) {
    BoltzmannMachine &m = *machines_[2];
    backend_.bernoulli(chain_, {seed_, Purpose::langevin}, 2 * index, m.hidden_sample);
    m.down(m.hidden_sample, m.visible_mean);
    backend_.bernoulli(m.visible_mean, {seed_, Purpose::langevin}, 2 * index + 1, visible_sample());
    m.up(visible_sample(), m.hidden_mean);
    backend_.copy(m.hidden_mean, chain_);
  }
  View visible_sample() {
    if (!visible_sample_.data()) visible_sample_ = Tensor(backend_, machines_[2]->visible_mean.shape());
    return visible_sample_;
  }

  // Means from activations_[layer - 1] to the picture.
  void downwards(int64_t layer) {
    for (int64_t i = layer - 1; i >= 0; --i)
      machines_[size_t(i)]->down(activations_[size_t(i)], i > 0 ? View(activations_[size_t(i - 1)]) : View(made_));
  }

  void step_chain() override {
    gibbs(0);
    backend_.copy(machines_[2]->visible_mean, activations_[1]);
    downwards(2);
  }

  std::vector<std::unique_ptr<BoltzmannMachine>> machines_;
  std::vector<Tensor> activations_;  // of each machine's hidden units
  Tensor chain_;                     // P(h | v) of the top machine's chains
  Tensor visible_sample_;
};

}  // namespace

Rival dbn() {
  const std::string both =
      "batch=100 chains=100 normalise=fixed generator_init=0.01 generator_rate=0.05 halvings=0 "
      "averaging=0 schedule_steps=0 sample_steps=50 ";
  Rival rival =
      rival_of_digits("dbn", "DBN (Hinton, Osindero, Teh 2006)", "machines", "",
                      [](const ChainParts &p) -> std::unique_ptr<ChainLearner> { return std::make_unique<Dbn>(p); });
  rival.presets = {{"quick", "ours, for two CPU cores: 500-500-2000 units, six passes over MNIST each",
                    both + "iterations=9000 width=500"},
                   {"paper", "the layers of the paper; rates and times after Hinton's guide (2010)",
                    both + "iterations=75000 width=500"}};
  rival.laid_over_run = true;
  rival.last_layer_begins = [](int64_t iterations) { return (2 * iterations + 2) / 3; };
  return rival;
}

}  // namespace coopnets
