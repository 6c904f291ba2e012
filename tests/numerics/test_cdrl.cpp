// Cooperative diffusion recovery likelihood: each step against its formula, a density that is known, what is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "files.h"
#include "numerics/gaussian_nets.h"

namespace coopnets {
namespace {

CdrlSettings plain_settings() {
  CdrlSettings s;
  s.levels = 2;
  s.batch = 6;
  s.langevin_steps = 3;
  s.label_dropout = 0;
  s.energy.rule = s.initialiser.rule = OptimizerSettings::momentum;
  s.energy.rate = 0.05;
  s.initialiser.rate = 0.02;
  s.seed = 11;
  return s;
}

// Steps 1 to 7 of the published code in plain loops over doubles, for the nets of gaussian_nets.h.
struct Naive {
  Layer s, h, scale, shift;
  double observed = 0, initial = 0, revised = 0, norm = 0, residual = 0;  // of the last iteration
  double acceptance = 0, drift = 0;
  std::vector<double> log_ratio, squares;  // of each example's Metropolis test; of each transition's revision

  explicit Naive(Cdrl &learner)
      : s(learner, "energy.0"),
        h(learner, "energy.1"),
        scale(learner, "initialiser.0"),
        shift(learner, "initialiser.1") {}

  static double bounded(double norm, const OptimizerSettings &o) {
    return o.gradient_bound > 0 && norm > o.gradient_bound ? o.gradient_bound / norm : 1;
  }

  void iterate(const CdrlSettings &c, int64_t iteration, double rate, const Batch &batch) {
    const int64_t T = c.levels, part = c.batch / T * 4;
    observed = initial = revised = residual = acceptance = drift = 0;
    log_ratio.assign(size_t(c.batch), 0);
    squares.assign(size_t(T), 0);
    for (int64_t i = 0; i < c.batch * 4; ++i) {
      const int64_t t = 1 + i / part, own = i % part, label = c.classes > 0 ? batch.labels[size_t(i / 4)] : -1;
      element(c, iteration, t, own, i, double(batch.examples[size_t(i)]), label);
    }
    norm = std::sqrt(s.squares() + h.squares());
    for (Layer *layer : {&s, &h}) layer->step(rate * c.energy.rate, bounded(norm, c.energy));
    const double other = std::sqrt(scale.squares() + shift.squares());
    for (Layer *layer : {&scale, &shift}) layer->step(rate * c.initialiser.rate, bounded(other, c.initialiser));
    for (double *energy : {&observed, &initial, &revised}) *energy /= double(c.batch);
    residual = std::sqrt(residual / double(c.batch * 4));
    const int64_t each = c.batch / T, tested = std::min(each, (4 + T - 1) / T);
    for (int64_t t = 1; t <= T; ++t) {
      const Terms p = terms(t, T);
      double noise = 0;
      for (int64_t k = 0; k < c.langevin_steps; ++k)
        noise = std::pow(1 - p.tether, 2) * noise + p.step_noise * p.step_noise;
      drift += std::max(0., 1 - noise * double(part) / squares[size_t(t - 1)]) / double(T);
      for (int64_t n = 0; n < tested; ++n)
        acceptance += std::exp(std::min(0., log_ratio[size_t((t - 1) * each + n)])) / double(tested * T);
    }
  }

  // Element `i` of the batch, number `own` of those of transition t: all that happens to it depends on no other.
  void element(const CdrlSettings &c, int64_t iteration, int64_t t, int64_t own, int64_t i, double x, int64_t label) {
    const Terms p = terms(t, c.levels);
    const size_t channel = size_t(i % 2);
    const std::vector<double> from = about(c.levels, t - 1, c.classes, label);
    const std::vector<double> to = about(c.levels, t, c.classes, label);
    const auto level = [&](int64_t at, double e) {
      return std::sqrt(alpha_bar(at, c.levels)) * x + std::sqrt(1 - alpha_bar(at, c.levels)) * e;
    };
    const double e = drawn({c.seed, Purpose::latent}, iteration, 0, i);  // of both levels
    const double noisy = level(t, e), data = p.scale * level(t - 1, e);
    const double guess = scale.of(to, channel) * noisy + shift.of(to, channel);
    const double first = guess + p.first_noise * drawn({c.seed, Purpose::second_latent}, iteration, t, own);
    const double bend = s.of(from, channel), slope = h.of(from, channel);
    double y = first, before_last = 0, last = 0;
    const auto drifted = [&](double at) { return at + (2 * bend * at + slope) / 2 - p.tether * (at - noisy); };
    for (int64_t k = 0; k < c.langevin_steps; ++k) {
      before_last = last;
      last = y;
      y = drifted(y) + p.step_noise * drawn({c.seed, Purpose::langevin}, iteration, k * c.levels + t - 1, own);
    }
    const auto f = [&](double at) { return at * (bend * at + slope); };
    const auto log_density = [&](double at) { return f(at) - p.tether * std::pow(at - noisy, 2); };
    log_ratio[size_t(i / 4)] +=
        (log_density(last) - log_density(before_last) +
         (std::pow(last - drifted(before_last), 2) - std::pow(before_last - drifted(last), 2)) / 2) /
        (p.step_noise * p.step_noise);
    squares[size_t(t - 1)] += (y - first) * (y - first);
    observed += f(data);
    initial += f(first);
    revised += f(y);
    residual += (y - first) * (y - first);
    const double weight = p.weight / double(c.batch);  // of f(y) - f(data), which is made small
    s.collect(from, channel, weight * (y * y - data * data));
    h.collect(from, channel, weight * (y - data));
    // y given x_t and x, by the definition of the reverse process (Ho, Jain, Abbeel 2020, equation 7).
    const double before = alpha_bar(t - 1, c.levels), after = alpha_bar(t, c.levels);
    const double reverse =
        p.scale * (std::sqrt(before) * (1 - p.kept) * x + std::sqrt(p.kept) * (1 - before) * noisy) / (1 - after);
    const double d = 2 / double(c.batch) * ((1 - c.data_weight) * (first - y) + c.data_weight * (guess - reverse));
    scale.collect(to, channel, d * noisy);
    shift.collect(to, channel, d);
  }
};

void expect_the_formulas(const CdrlSettings &c) {
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told + c.classes, c);
  Naive naive(*learner);
  const double close = sizeof(real) == 8 ? 1e-6 : 3e-5;  // the noise has single precision
  for (int64_t i = 0; i < 4; ++i) {
    const Batch batch{random_values(c.batch * 4, unsigned(20 + i)), {}, {0, 2, 1, -1, 2, 0}};
    const double rate = 1 - 0.2 * double(i);
    learner->iterate(i, rate, batch);
    naive.iterate(c, i, rate, batch);
    const std::vector<Reading> readings = learner->take_readings();
    ASSERT_EQ(readings.size(), 1u);
    EXPECT_EQ(readings[0].iteration, i + 1);
    const double wanted[] = {naive.observed, naive.initial,    naive.revised, naive.norm,
                             naive.residual, naive.acceptance, naive.drift};
    ASSERT_EQ(readings[0].values.size(), 7u);
    for (size_t k = 0; k < 7; ++k)
      EXPECT_NEAR(readings[0].values[k], wanted[k], (k == 5 ? 100 : 1) * close * (1 + std::abs(wanted[k])))
          << learner->columns()[k].name;
  }
  const std::pair<const char *, const Layer *> layers[] = {
      {"energy.0", &naive.s}, {"energy.1", &naive.h}, {"initialiser.0", &naive.scale}, {"initialiser.1", &naive.shift}};
  for (const auto &[name, layer] : layers) {
    const Layer got(*learner, name);
    for (size_t k = 0; k < got.values.size(); ++k) EXPECT_NEAR(got.values[k], layer->values[k], close) << name << k;
  }
}

TEST(Cdrl, EveryStepEqualsThePapersFormulas) { expect_the_formulas(plain_settings()); }

TEST(Cdrl, OneLevelIsADescriptorOfTheData) {
  CdrlSettings s = plain_settings();
  s.levels = 1;
  EXPECT_EQ(terms(1, 1).tether, 0);
  expect_the_formulas(s);
}

TEST(Cdrl, EachNetIsBoundedByTheNormOfItsGradients) {
  CdrlSettings s = plain_settings();
  s.energy.gradient_bound = 0.3;
  s.initialiser.gradient_bound = 0.4;
  expect_the_formulas(s);
}

TEST(Cdrl, TellsTheClassesAndLearnsFromTheData) {
  CdrlSettings s = plain_settings();
  s.levels = 3;
  s.classes = 3;
  s.data_weight = 0.3;
  expect_the_formulas(s);
}

// f = s y^2 + h y everywhere, and an initialiser that makes 0 of everything.
void set_nets(Cdrl &learner, double s, double h) {
  for (const std::string layer : {"energy.0", "energy.1", "initialiser.0", "initialiser.1"}) {
    set_state(learner, layer + ".filters", std::vector<real>(2 * told));
    set_state(learner, layer + ".bias",
              std::vector<real>(2, real(layer == "energy.0"   ? s
                                        : layer == "energy.1" ? h
                                                              : 0)));
  }
}

double reading_of(Cdrl &learner, const std::string &column) {
  const std::vector<Column> columns = learner.columns();
  const std::vector<Reading> readings = learner.take_readings();
  for (size_t k = 0; k < columns.size(); ++k)
    if (columns[k].name == column) return readings.at(0).values.at(k);
  throw std::logic_error("no column " + column);
}

// One level, so that nothing pulls towards x_t. Where f is flat every step would be accepted. Where f = -y^2 a step
// forgets where it comes from, y' = b n, so that of ln a = (f(y') - f(y)) / b^2 + (|y'|^2 - |y|^2) / (2 b^2) no more is
// left than (|n|^2 - |n'|^2) / 2, n the noise of the step before.
TEST(Cdrl, AcceptanceIsThatOfAMetropolisTest) {
  CdrlSettings c = plain_settings();
  c.levels = 1;
  c.batch = 5;
  c.langevin_steps = 4;
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
  const Batch batch{random_values(c.batch * 4, 3), {}, {}};
  set_nets(*learner, 0, 0);
  learner->iterate(0, 0, batch);
  EXPECT_NEAR(reading_of(*learner, "acceptance"), 1, 1e-4);
  set_nets(*learner, -1, 0);
  learner->iterate(1, 0, batch);
  double wanted = 0;
  for (int64_t chain = 0; chain < 4; ++chain) {
    double log_ratio = 0;
    for (int64_t i = 4 * chain; i < 4 * chain + 4; ++i)
      for (const auto &[step, sign] : {std::pair<int64_t, double>{1, 0.5}, std::pair<int64_t, double>{2, -0.5}})
        log_ratio += sign * std::pow(drawn({c.seed, Purpose::langevin}, 1, step, i), 2);
    wanted += std::exp(std::min(0., log_ratio)) / 4;
  }
  EXPECT_LT(wanted, 0.9);
  EXPECT_NEAR(reading_of(*learner, "acceptance"), wanted, 1e-4);
  set_nets(*learner, -3, 0);  // each step leaps twice as far to the other side
  learner->iterate(2, 0, batch);
  EXPECT_LT(reading_of(*learner, "acceptance"), 0.05);

  c.langevin_steps = 1;
  const std::unique_ptr<Cdrl> brief = gaussian_learner(test_backend(), two_by_two, told, c);
  brief->iterate(0, 0, batch);
  EXPECT_TRUE(std::isnan(reading_of(*brief, "acceptance"))) << "there is no step before the last";
}

// Levels of which one has drift alone and the others have noise alone would hide behind one number of all.
TEST(Cdrl, DriftIsTheMeanOfTheLevels) {
  CdrlSettings c = plain_settings();
  c.batch = 400;
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
  set_nets(*learner, 0, 0);
  const Batch batch{random_values(c.batch * 4, 3), {}, {}};
  learner->iterate(0, 0, batch);
  EXPECT_LT(reading_of(*learner, "drift"), 0.1);
  // f = h y with an h of the first transition's level alone, which is told other numbers than the second's.
  const std::vector<real> first = Diffusion(2).embedding(0, told), second = Diffusion(2).embedding(1, told);
  std::vector<real> filters(2 * told);
  filters[0] = filters[1] = real(5 / double(first[0] - second[0]));
  set_state(*learner, "energy.1.filters", filters);
  set_state(*learner, "energy.1.bias", std::vector<real>(2, -filters[0] * second[0]));
  learner->iterate(1, 0, batch);
  EXPECT_NEAR(reading_of(*learner, "drift"), 0.5, 0.05);
}

// Data of N(m, v): y of transition t is N(scale a m, scale^2 (a^2 v + d^2)), a and d of level t - 1, and the best
// energy is b^2 times the logarithm of that. Each level has numbers of its own here, told as classes, so that no
// level's noise stirs another's. A step has a length, which leaves y some hundredths too wide: f is as much too narrow.
// The same in plain loops, with other noise, came to 0.94 to 1.09 of the best and to means within 0.15 deviations.
TEST(Cdrl, LearnsTheBestEnergyOfEachLevelOfGaussianData) {
  Backend &backend = test_backend();
  if (backend.info().name.find("emulator") != std::string::npos) GTEST_SKIP() << "takes too long there";
  constexpr int64_t T = 3, iterations = 300;
  constexpr double mean = 0.03, deviation = 0.03;
  const Shape example{1, 1, 4, 4, 1};
  const LayerOptions zero = LayerOptions().without_bias().zero();
  const auto of_level = [=](Recorder &r, Variable about) { return r.fully_connected(r.slice(about, 2, T), 1, zero); };
  const auto energy = [=](Recorder &r, const std::vector<Variable> &x) {
    const Variable s = of_level(r, x[1]), h = of_level(r, x[1]);
    return std::vector<Variable>{r.sum_examples(r.multiply(x[0], r.modulate(x[0], s, h)))};
  };
  const auto initialiser = [=](Recorder &r, const std::vector<Variable> &x) {
    const Variable scale = r.affine(of_level(r, x[1]), 1, 1), shift = of_level(r, x[1]);
    return std::vector<Variable>{r.modulate(x[0], scale, shift)};
  };
  CdrlSettings c;
  c.levels = c.classes = T;
  c.batch = 8 * T;
  c.langevin_steps = 60;
  c.label_dropout = 0;
  c.energy.beta1 = c.initialiser.beta1 = 0.9;
  c.energy.rate = 0.005;
  c.initialiser.rate = 0.01;
  Cdrl learner(told_net(backend, "energy", energy, example, 2 + T),
               told_net(backend, "initialiser", initialiser, example, 2 + T), c);
  std::vector<int64_t> labels;
  for (int64_t n = 0; n < c.batch; ++n) labels.push_back(n / 8);
  for (int64_t i = 0; i < iterations; ++i) {
    const std::vector<real> x = random_values(c.batch * 16, unsigned(100 + i), mean, deviation);
    learner.iterate(i, i < iterations * 6 / 10 ? 1 : i < iterations * 8 / 10 ? 0.3 : 0.1, {x, {}, labels});
    if (i % 50 == 49) learner.take_readings();
  }
  const std::vector<real> s = state_of(learner, "energy.0.filters"), h = state_of(learner, "energy.1.filters");
  for (int64_t t = 1; t <= T; ++t) {
    const Terms p = terms(t, T);
    const double kept = alpha_bar(t - 1, T), m = p.scale * std::sqrt(kept) * mean;
    const double variance = p.scale * p.scale * (kept * deviation * deviation + 1 - kept);
    const double bend = double(s[size_t(t - 1)]), best = -p.step_noise * p.step_noise / (2 * variance);
    EXPECT_NEAR(bend / best, 1, 0.15) << "transition " << t;
    EXPECT_NEAR(-double(h[size_t(t - 1)]) / (2 * bend), m, 0.25 * std::sqrt(variance)) << "transition " << t;
  }
}

TEST(Cdrl, SaysWhereLearningFails) {
  CdrlSettings c = plain_settings();
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
  EXPECT_TRUE(learner->take_readings().empty());
  // f is y^2, and the chains begin at 0: they know nothing of data that lies far away.
  set_nets(*learner, 1, 0);
  const Batch far{std::vector<real>(size_t(c.batch * 4), 3000), {}, {}};
  learner->iterate(0, 0, far);
  learner->iterate(1, 0, far);
  const std::vector<Reading> readings = learner->take_readings();
  ASSERT_EQ(readings.size(), 2u);
  EXPECT_CONTAINS(readings[0].warning, "iteration 1: the energies of data and chains lie ");
  EXPECT_EQ(readings[1].warning, "") << "once";
  learner->iterate(2, 1, {std::vector<real>(size_t(c.batch * 4), NAN), {}, {}});
  EXPECT_CONTAINS(error_of<LearningFailed>([&] { learner->take_readings(); }), "iteration 3: energy_observed");
}

TEST(Cdrl, RefusesWhatDoesNotFit) {
  Backend &backend = test_backend();
  const auto made = [&](const NetFunction &energy, const NetFunction &initialiser, int64_t of_energy,
                        int64_t of_initialiser, const CdrlSettings &c) {
    Cdrl(told_net(backend, "energy", energy, two_by_two, of_energy),
         told_net(backend, "initialiser", initialiser, two_by_two, of_initialiser), c);
  };
  const auto with = [&](int64_t levels, int64_t batch, int64_t steps) {
    CdrlSettings c = plain_settings();
    c.levels = levels;
    c.batch = batch;
    c.langevin_steps = steps;
    made(gaussian_energy, linear_initialiser, told, told, c);
  };
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { with(2, 5, 3); }), "a batch of 5 does not divide into 2");
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { with(3, 0, 3); }), "a batch of 0 does not divide into 3");
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { with(2, 4, 0); }), "at least one Langevin step");
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { with(0, 4, 3); }), "at least one level");

  const auto refuses = [&](const NetFunction &energy, const NetFunction &initialiser, int64_t a, int64_t b) {
    EXPECT_THROW(made(energy, initialiser, a, b, plain_settings()), std::invalid_argument) << a << ' ' << b;
  };
  const auto two_numbers = [](Recorder &r, const std::vector<Variable> &x) {
    return std::vector<Variable>{r.fully_connected(x[0], 2)};
  };
  refuses(two_numbers, linear_initialiser, told, told);
  refuses(gaussian_energy, two_numbers, told, told);
  refuses(gaussian_energy, linear_initialiser, told, told + 2);
  refuses(gaussian_energy, linear_initialiser, 1, 1);
  const auto alone = [&] {
    const NetFunction one = [](Recorder &r, const std::vector<Variable> &x) {
      return std::vector<Variable>{r.fully_connected(x[0], 1)};
    };
    Cdrl(std::make_unique<Network>(backend, "energy", one, std::vector<Shape>{two_by_two}, RandomKey{}, 0.1),
         told_net(backend, "initialiser", linear_initialiser, two_by_two, told), plain_settings());
  };
  EXPECT_THROW(alone(), std::invalid_argument) << "an energy that is told nothing";

  CdrlSettings c = plain_settings();
  c.classes = 2;
  const std::unique_ptr<Cdrl> learner = gaussian_learner(backend, two_by_two, told + 2, c);
  const std::vector<real> x = random_values(24, 1);
  EXPECT_THROW(learner->iterate(0, 1, {random_values(20, 1), {}, {0, 1, 0, 1, 0, 1}}), std::invalid_argument);
  EXPECT_THROW(learner->iterate(0, 1, {x, {}, {}}), std::invalid_argument);
  EXPECT_THROW(learner->iterate(0, 1, {x, {}, {0, 1, 2, 0, 0, 0}}), std::invalid_argument);
  EXPECT_NO_THROW(learner->iterate(0, 1, {x, {}, {0, 1, -1, 0, 0, 0}}));
}

}  // namespace
}  // namespace coopnets
