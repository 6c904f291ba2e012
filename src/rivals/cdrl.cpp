// Cooperative diffusion recovery likelihood: the nets and settings of learning/cdrl.h. Zhu, Xie, Wu, Gao: Learning
// energy-based models by cooperative diffusion recovery likelihood. ICLR 2024, after github.com/AlvinZhuyx/CDRL.
#include "learning/cdrl.h"

#include "experiments/model.h"
#include "rivals/rival.h"

namespace coopnets {

namespace {

constexpr int64_t embedding_size = 64;
constexpr int64_t least_side = 7;  // pictures are halved while they stay as large

// What a layer is told of the level of noise: two layers over its embedding.
Variable told(Recorder &r, Variable about, int64_t size) {
  return r.fully_connected(r.silu(r.fully_connected(about, size)), size);
}

bool can_be_halved(const Shape &x) { return x.h % 2 == 0 && x.w % 2 == 0 && x.h / 2 >= least_side; }

Variable with_channels(Recorder &r, Variable x, int64_t channels) {
  return r.shape(x).c == channels ? x : r.conv(x, channels, same_side(1, 1));
}

// h + g * conv(a(conv(a(h)) + what the level says)), with a scale g of each channel that is learned.
Variable energy_block(Recorder &r, Variable h, int64_t channels, Variable level) {
  Variable v = r.conv(r.activate(h, leaky_relu(0.2)), channels, same_side(3, 1));
  v = r.modulate(v, {}, r.fully_connected(level, channels));
  v = r.conv(r.activate(v, leaky_relu(0.2)), channels, same_side(3, 1));
  v = r.scale_channels(v, 1);
  return r.add(v, with_channels(r, h, channels));
}

// f(y, level): what is left of the picture, summed over positions, and its product with a vector that depends on the
// level. Every filter but that vector's is divided by its spectral norm, which bounds |df/dy|.
NetFunction energy(const Settings &s) {
  return [width = s.width, blocks = s.blocks](Recorder &r, const Variables &in) {
    r.conventions.initial = Conventions::uniform;
    r.conventions.spectral_norm = true;
    const Variable level = r.silu(told(r, in[1], 4 * width));
    Variable h = r.conv(in[0], width, same_side(3, 1));
    for (int64_t channels = width;; channels = 2 * width) {
      for (int64_t i = 0; i < blocks; ++i) h = energy_block(r, h, channels, level);
      if (!can_be_halved(r.shape(h))) break;
      h = r.downsample(h, Resampling::same(Resampling::average));
    }
    h = r.activate(h, relu());
    r.conventions.spectral_norm = false;
    return Variables{r.sum_examples(r.modulate(h, r.fully_connected(level, r.shape(h).c), {}))};
  };
}

// h + conv(silu(scale * norm(conv(silu(norm(h)))) + shift)), scale and shift of each channel as the level says.
Variable guess_block(Recorder &r, Variable h, int64_t channels, Variable level) {
  const int64_t groups = std::max<int64_t>(1, channels / 8);
  Variable v = r.silu(r.group_norm(h, std::max<int64_t>(1, r.shape(h).c / 8)));
  v = r.group_norm(r.conv(v, channels, same_side(3, 1)), groups);
  const Variable scale = r.affine(r.fully_connected(level, channels), 1, 1);
  const Variable shift = r.fully_connected(level, channels);
  v = r.conv(r.silu(r.modulate(v, scale, shift)), channels, same_side(3, 1), LayerOptions().zero());
  return r.add(v, with_channels(r, h, channels));
}

// A net with the shape of a U: halved and doubled again, with what was seen before each halving added after the doubling.
// At first it is the identity: its guess is x_t itself.
NetFunction initialiser(const Settings &s) {
  return [width = s.width, blocks = s.blocks](Recorder &r, const Variables &in) {
    r.conventions.initial = Conventions::uniform;
    const Variable level = r.silu(told(r, in[1], 4 * width));
    Variable h = r.conv(in[0], width, same_side(3, 1));
    Variables before;
    const auto stage = [&] {
      for (int64_t i = 0; i < blocks; ++i) h = guess_block(r, h, width, level);
    };
    for (stage(); can_be_halved(r.shape(h)); stage()) {
      before.push_back(h);
      h = r.downsample(h, Resampling::same(Resampling::average));
    }
    for (; !before.empty(); before.pop_back()) {
      h = r.add(r.upsample(h, Resampling::same(Resampling::average)), before.back());
      stage();
    }
    h = r.silu(r.group_norm(h, std::max<int64_t>(1, width / 8)));
    const Variable change = r.conv(h, r.shape(in[0]).c, same_side(3, 1), LayerOptions().zero());
    return Variables{r.add(in[0], change)};
  };
}

std::vector<Shape> inputs(const Shape &example, const Settings &s) {
  return {example, {1, 1, 1, 1, embedding_size + s.classes}};
}

std::unique_ptr<ChainLearner> make(const ChainParts &p) {
  const Settings &s = p.settings;
  CdrlSettings l;
  l.levels = s.levels;
  l.batch = s.batch;
  l.langevin_steps = s.langevin_steps;
  l.classes = s.classes;
  l.seed = p.seed;
  OptimizerSettings rule;
  rule.beta1 = 0.9;
  rule.average_half_life = s.averaging * double(s.iterations);
  rule.gradient_bound = s.gradient_bound;
  l.energy = l.initialiser = rule;
  l.energy.rate = s.descriptor_rate;
  l.initialiser.rate = s.generator_rate;
  const auto net = [&](const char *name, const NetFunction &function, Purpose purpose) {
    return std::make_unique<Network>(p.backend, name, function, inputs(p.example, s), RandomKey{p.seed, purpose}, 0.02);
  };
  return std::make_unique<Cdrl>(net("energy", energy(s), Purpose::descriptor_weights),
                                net("initialiser", initialiser(s), Purpose::generator_weights), l);
}

}  // namespace

Rival cdrl() {
  const std::string both = "normalise=fixed halvings=0 schedule_steps=0 gradient_bound=1 langevin_steps=15 ";
  Rival rival{"cdrl", "CDRL (Zhu, Xie, Wu, Gao 2024)", "energy", {}, nullptr, nullptr, nullptr};
  rival.presets = {
      {"quick", "ours, for two CPU cores: narrow nets of one block, half the steps, faster rates",
       both +
           "levels=6 langevin_steps=8 batch=48 chains=48 iterations=2000 width=16 blocks=1 warm_up=200 averaging=0.05 "
           "descriptor_rate=0.0005 generator_rate=0.0005"},
      {"paper",
       "levels, steps, rates and the energy of the paper's code; its initialiser has attention and dropout besides",
       both + "levels=6 batch=258 chains=258 iterations=500000 width=128 blocks=8 warm_up=10000 averaging=0.014 "
              "descriptor_rate=0.0001 generator_rate=0.00001"}};
  rival.chain = make;
  rival.chain_nets = [](const Shape &example, const Settings &s) {
    return std::vector<Sketch>{sketch(energy(s), "energy", inputs(example, s)),
                               sketch(initialiser(s), "initialiser", inputs(example, s))};
  };
  return rival;
}

}  // namespace coopnets
