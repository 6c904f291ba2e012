// Cooperative diffusion recovery likelihood: the nets and settings of learning/cdrl.h. Zhu, Xie, Wu, Gao: Learning
// energy-based models by cooperative diffusion recovery likelihood. ICLR 2024, after github.com/AlvinZhuyx/CDRL.
#include "learning/cdrl.h"

#include <algorithm>

#include "experiments/model.h"
#include "rivals/rival.h"

namespace coopnets {

namespace {

constexpr int64_t embedding_size = 64;
constexpr int64_t least_side = 7;  // pictures are halved while they stay as large

// How often pictures of the nominal size are halved: first by a convolution each, without residual blocks, then by
// means.
// Pictures of any other size that can be halved as often are taken too.
struct Halvings {
  int64_t strided = 0, pooled = 0;
  Halvings(const Shape &example, int64_t block_side) {
    int64_t h = example.h, w = example.w;
    for (; h % 2 == 0 && w % 2 == 0 && std::min(h, w) / 2 >= least_side; h /= 2, w /= 2)
      ++(std::max(h, w) > block_side ? strided : pooled);
  }
};

// What a layer is told of the level of noise: two layers over its embedding.
Variable told(Recorder &r, Variable about, int64_t size) {
  return r.fully_connected(r.silu(r.fully_connected(about, size)), size);
}

Variable with_channels(Recorder &r, Variable x, int64_t channels) {
  return r.shape(x).c == channels ? x : r.conv(x, channels, same_side(1, 1));
}

// 3x3 windows. In clips a layer before them sees the frames before and after: 12 multiply-adds in place of the 27 of a
// 3x3x3 window.
Variable window(Recorder &r, Variable h, int64_t channels) {
  if (r.shape(h).t > 1) h = r.conv(h, r.shape(h).c, {same_side(3, 1), Side{}, Side{}});
  return r.conv(h, channels, same_side(3, 1));
}

// h + g * conv(a(conv(a(h)) + what the level says)), with a scale g of each channel that is learned.
Variable energy_block(Recorder &r, Variable h, int64_t channels, Variable level) {
  Variable v = window(r, r.activate(h, leaky_relu(0.2)), channels);
  v = r.modulate(v, {}, r.fully_connected(level, channels));
  v = r.conv(r.activate(v, leaky_relu(0.2)), channels, same_side(3, 1));
  v = r.scale_channels(v, 1);
  return r.add(v, with_channels(r, h, channels));
}

bool is_point(const Shape &x) { return x.h == 1 && x.w == 1; }

// Of the toy: three layers of 64 units, the middle one told the level. As its other nets do, it sees the plane
// enlarged.
Variable point_layers(Recorder &r, Variable x, Variable level, double scale) {
  Variable h = r.silu(r.fully_connected(r.affine(x, scale, 0), 64));
  h = r.fully_connected(h, 64);
  h = r.silu(r.modulate(h, {}, r.fully_connected(level, 64)));
  return r.silu(r.fully_connected(h, 64));
}

// Units that see the whole of the smallest picture at once, of clips of each frame, which filters of three pixels do
// not: where pictures are of one size and things have their places in them. Published nets have attention.
Variable whole_picture(Recorder &r, Variable h, int64_t units, Variable level) {
  const Variable v = r.conv(h, units, {Side{}, valid(0), valid(0)});
  return r.silu(r.modulate(v, {}, r.fully_connected(level, units)));
}

// f(y, level): what is left of the picture, summed over positions, and its product with a vector that depends on the
// level. Every filter but that vector's is divided by its spectral norm, which bounds |df/dy|.
NetFunction energy_of_any_steepness(const Settings &s, const Shape &example) {
  const Halvings halvings(example, s.block_side);
  return [width = s.width, blocks = s.blocks, units = s.whole_units, halvings](Recorder &r, const Variables &in) {
    r.conventions.initial = Conventions::uniform;
    r.conventions.spectral_norm = !is_point(r.shape(in[0]));
    const Variable level = r.silu(told(r, in[1], 4 * width));
    if (is_point(r.shape(in[0]))) return Variables{r.fully_connected(point_layers(r, in[0], level, 10), 1)};
    Variable h = in[0];
    for (int64_t i = 0; i < halvings.strided; ++i) h = r.conv(h, width, same_side(4, 2), leaky_relu(0.2));
    if (halvings.strided == 0) h = r.conv(h, width, same_side(3, 1));
    for (int64_t i = 0; i <= halvings.pooled; ++i) {
      if (i > 0) h = r.downsample(h, Resampling::same(Resampling::average));
      for (int64_t k = 0; k < blocks; ++k) h = energy_block(r, h, i == 0 ? width : 2 * width, level);
    }
    h = r.activate(h, relu());
    const Variable whole = units > 0 ? whole_picture(r, h, units, level) : Variable{};
    r.conventions.spectral_norm = false;
    const Variable of_all = r.sum_examples(r.modulate(h, r.fully_connected(level, r.shape(h).c), {}));
    if (whole.id < 0) return Variables{of_all};
    return Variables{r.add(of_all, r.sum_examples(r.modulate(whole, r.fully_connected(level, units), {})))};
  };
}

// Published is a net that has to learn how steep each level is, from 1 to 1/20 of the steepest of six.
NetFunction energy(const Settings &s, const Shape &example) {
  const NetFunction f = energy_of_any_steepness(s, example);
  if (s.steepness == "learned") return f;
  return [f](Recorder &r, const Variables &in) {
    const int64_t last = r.shape(in[1]).c - 1;
    const Variable about = r.slice(in[1], 0, last), steepness = r.slice(in[1], last, 1);
    return Variables{r.modulate(f(r, {in[0], about})[0], steepness, {})};
  };
}

// Over groups of eight channels or somewhat more, as many as divide them.
Variable normalised(Recorder &r, Variable x) {
  const int64_t channels = r.shape(x).c;
  int64_t groups = std::max<int64_t>(1, channels / 8);
  while (channels % groups != 0) --groups;
  return r.group_norm(x, groups);
}

// h + conv(silu(scale * norm(conv(silu(norm(h)))) + shift)), scale and shift of each channel as the level says.
Variable guess_block(Recorder &r, Variable h, int64_t channels, Variable level) {
  Variable v = r.silu(normalised(r, h));
  v = normalised(r, window(r, v, channels));
  const Variable scale = r.affine(r.fully_connected(level, channels), 1, 1);
  const Variable shift = r.fully_connected(level, channels);
  v = r.conv(r.silu(r.modulate(v, scale, shift)), channels, same_side(3, 1), LayerOptions().zero());
  return r.add(v, with_channels(r, h, channels));
}

// A net with the shape of a U: halved and doubled again, with what was seen before each halving added after the
// doubling. At first it is the identity: its guess is x_t itself.
NetFunction initialiser(const Settings &s, const Shape &example) {
  const Halvings halvings(example, s.block_side);
  const int64_t about = embedding_size + s.classes;
  return
      [width = s.width, blocks = s.blocks, units = s.whole_units, about, halvings](Recorder &r, const Variables &in) {
        r.conventions.initial = Conventions::uniform;
        const Variable level = r.silu(told(r, r.slice(in[1], 0, about), 4 * width));
        if (is_point(r.shape(in[0])))
          return Variables{r.add(in[0], r.fully_connected(point_layers(r, in[0], level, 4), 2, LayerOptions().zero()))};
        Variable h = r.conv(in[0], width, same_side(3, 1));
        Variables before;
        const int64_t all = halvings.strided + halvings.pooled;
        const auto stage = [&](int64_t depth) {
          const int64_t channels = depth < all ? width : 2 * width;
          for (int64_t i = 0; i < (depth < halvings.strided ? 0 : blocks); ++i) h = guess_block(r, h, channels, level);
        };
        for (int64_t depth = 0; depth < all; ++depth) {
          stage(depth);
          before.push_back(h);
          h = depth < halvings.strided ? r.conv(h, width, same_side(4, 2), leaky_relu(0.2))
                                       : r.downsample(h, Resampling::same(Resampling::average));
        }
        stage(all);
        if (units > 0) {
          const Variable v = whole_picture(r, r.silu(normalised(r, h)), units, level);
          const Sides side = {Side{}, valid(r.shape(h).h), valid(r.shape(h).w)};
          h = r.add(h, r.deconv(v, r.shape(h).c, side, LayerOptions().zero()));
          stage(all);
        }
        for (int64_t depth = all - 1; depth >= 0; --depth) {
          if (depth < halvings.strided)
            h = r.deconv(r.silu(normalised(r, h)), width, same_side(4, 2));
          else
            h = r.upsample(with_channels(r, h, width), Resampling::same(Resampling::average));
          h = r.add(h, before[size_t(depth)]);
          stage(depth);
        }
        h = r.silu(normalised(r, h));
        const Variable change = r.conv(h, r.shape(in[0]).c, same_side(3, 1), LayerOptions().zero());
        return Variables{r.add(in[0], change)};
      };
}

std::vector<Shape> inputs(const Shape &example, const Settings &s) {
  return {example, {1, 1, 1, 1, embedding_size + s.classes + (s.steepness == "learned" ? 0 : 1)}};
}

std::unique_ptr<ChainLearner> make(const ChainParts &p) {
  const Settings &s = p.settings;
  CdrlSettings l;
  l.levels = s.levels;
  l.batch = s.batch;
  l.langevin_steps = s.langevin_steps;
  l.classes = s.classes;
  l.data_weight = s.data_weight;
  l.guidance = s.guidance;
  l.begins_at_mean = s.start == "mean";
  l.decorrelate = s.colours == "uncorrelated";
  l.bound = is_point(p.example) ? 0 : 1;
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
  return std::make_unique<Cdrl>(net("energy", energy(s, p.example), Purpose::descriptor_weights),
                                net("initialiser", initialiser(s, p.example), Purpose::generator_weights), l);
}

}  // namespace

Rival cdrl() {
  const std::string both = "normalise=fixed halvings=0 schedule_steps=0 gradient_bound=1 ";
  Rival rival{"cdrl", "CDRL (Zhu, Xie, Wu, Gao 2024)", "energy", "", {}, nullptr, nullptr, nullptr};
  rival.uses =
      "levels langevin_steps classes data_weight guidance averaging gradient_bound descriptor_rate generator_rate "
      "width blocks block_side whole_units colours steepness start";
  const std::string quickly = "data_weight=0.9 descriptor_rate=0.0005 generator_rate=0.003 averaging=0.05 blocks=1 ";
  const std::string textures =
      "start=noise border=8 crop=random colours=uncorrelated batch=6 chains=6 whole_units=0 halvings=0 levels=6 "
      "langevin_steps=3 ";
  rival.presets = {
      {"quick", "ours, for two CPU cores: narrow nets of one block, few steps at many levels, faster rates",
       both + quickly +
           "levels=16 langevin_steps=2 steepness=level start=mean batch=48 chains=48 iterations=4000 width=32 "
           "block_side=16 whole_units=128 warm_up=200 halvings=3"},
      {"quick", "ours, for pictures with colours", "colours=uncorrelated mirror=random",
       "object scene cifar10 celeba lsun completion"},
      {"quick", "ours, for ten minutes of two CPU cores", "iterations=2000", "object scene celeba lsun completion"},
      {"quick", "ours, for two minutes of two CPU cores",
       textures + "size=64 block_side=40 width=48 warm_up=50 iterations=1200", "texture"},
      {"quick", "ours, for ten minutes of two CPU cores",
       "size=64 frames=8 start=noise border=2 crop=random colours=uncorrelated levels=4 batch=4 chains=4 "
       "whole_units=64 block_side=40 halvings=0 warm_up=50 descriptor_rate=0.0001 iterations=1000",
       "dynamic-texture"},
      {"fine", "ours, for a quarter of an hour or more",
       textures + "size=96 block_side=56 width=64 warm_up=100 iterations=2500", "texture"},
      {"quick", "ours, for a minute",
       "start=noise levels=6 langevin_steps=8 data_weight=0.5 halvings=0 batch=240 chains=240 iterations=3000 "
       "warm_up=100 descriptor_rate=0.001 generator_rate=0.001",
       "toy"},
      {"paper",
       "levels, steps, rates and averages of the paper's code, whose energy halves pictures once more and whose "
       "initialiser is of width 64, with three blocks a size, attention and dropout",
       both + "levels=6 langevin_steps=15 block_side=256 batch=258 chains=258 iterations=500000 width=128 blocks=8 "
              "warm_up=10000 averaging=0.014 descriptor_rate=0.0001 generator_rate=0.00001"},
      {"paper", "of the paper's code, for photographs", "mirror=random",
       "object scene cifar10 celeba lsun completion"}};
  rival.chain = make;
  rival.chain_nets = [](const Shape &example, const Settings &s) {
    return std::vector<Sketch>{sketch(energy(s, example), "energy", inputs(example, s)),
                               sketch(initialiser(s, example), "initialiser", inputs(example, s))};
  };
  return rival;
}

}  // namespace coopnets
