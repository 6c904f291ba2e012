// What descends from noise to samples, as a user steers it: walks, completion, the data's range.
#include <gtest/gtest.h>

#include <cmath>

#include "files.h"
#include "numerics/gaussian_nets.h"

namespace coopnets {
namespace {

constexpr int64_t elements = 4, block = 64;
constexpr uint64_t seed = 9;

CdrlSettings settings(int64_t classes = 0) {
  CdrlSettings s;
  s.levels = 2;
  s.batch = 4;
  s.langevin_steps = 3;
  s.classes = classes;
  return s;
}

std::unique_ptr<Cdrl> learner_of(const CdrlSettings &s) {
  return gaussian_learner(test_backend(), two_by_two, told + s.classes, s);
}

std::vector<real> draw(Cdrl &learner, int64_t count) {
  LearningSettings s;
  s.seed = seed;
  std::vector<real> all;
  learner.draw(s, count, [&](int64_t, const std::vector<real> &made, const std::vector<real> &) {
    all.insert(all.end(), made.begin(), made.end());
  });
  return all;
}

std::vector<real> part(const std::vector<real> &all, int64_t example, int64_t count = 1) {
  return {all.begin() + example * elements, all.begin() + (example + count) * elements};
}

std::vector<real> mixed(double a, const std::vector<real> &x, double b, const std::vector<real> &y) {
  std::vector<real> out;
  for (size_t i = 0; i < x.size(); ++i) out.push_back(real(a * double(x[i]) + b * double(y[i])));
  return out;
}

TEST(CdrlDescent, BeginsAtTheNoiseOfEachSample) {
  const std::unique_ptr<Cdrl> learner = learner_of(settings());
  ASSERT_TRUE(learner->descends());
  for (const int64_t k : {int64_t{0}, int64_t{5}, block, 3 * block + 2})
    for (int64_t e = 0; e < elements; ++e) {
      const int64_t clock = int64_t(seed << 32 | uint64_t(k / block * 3));
      EXPECT_NEAR(learner->first_noise(seed, k)[size_t(e)],
                  drawn({seed, Purpose::sample}, clock, 0, k % block * elements + e), 1e-6)
          << k;
    }
  EXPECT_EQ(learner->descend_from(seed, learner->first_noise(seed, 0), {}), part(draw(*learner, 1), 0));
}

// The nets are linear, so that with all other noise alike a sample is a linear function of where it begins.
TEST(CdrlDescent, WalksBetweenTheSamplesOfItsEnds) {
  const std::unique_ptr<Cdrl> learner = learner_of(settings());
  const std::vector<real> a = learner->first_noise(seed, 3), b = learner->first_noise(seed, 70);
  constexpr int64_t steps = block + 6;
  std::vector<real> walk;
  for (int64_t k = 0; k < steps; ++k) {
    const double t = double(k) / (steps - 1);
    const std::vector<real> one = mixed(1 - t, a, t, b);
    walk.insert(walk.end(), one.begin(), one.end());
  }
  std::vector<double> watched;
  learner->watch = [&](double done) { watched.push_back(done); };
  const std::vector<real> made = learner->descend_from(seed, walk, {});
  EXPECT_EQ(watched, (std::vector<double>{block / 2., block, block + 3., block + 6.}));
  const std::vector<real> from = learner->descend_from(seed, a, {}), to = learner->descend_from(seed, b, {});
  EXPECT_EQ(part(made, 0), from);
  EXPECT_EQ(part(made, steps - 1), to);
  EXPECT_NE(from, to);
  for (int64_t k = 0; k < steps; ++k) {
    const double t = double(k) / (steps - 1);
    EXPECT_LT(relative_error(part(made, k), mixed(1 - t, from, t, to), 1), 1e-4) << k;
  }
  EXPECT_NE(learner->descend_from(seed + 1, a, {}), from) << "the later noises are those of another seed";
  EXPECT_THROW(learner->descend_from(seed, {1, 2, 3}, {}), std::invalid_argument);
}

TEST(CdrlDescent, WalksWithinAClass) {
  const std::unique_ptr<Cdrl> learner = learner_of(settings(3));
  const std::vector<real> a = learner->first_noise(seed, 0), samples = draw(*learner, 2);
  std::vector<real> twice = a;
  twice.insert(twice.end(), a.begin(), a.end());
  const std::vector<real> made = learner->descend_from(seed, twice, {0, 1});
  EXPECT_EQ(part(made, 0), part(samples, 0)) << "which is of the first class";
  EXPECT_NE(part(made, 1), part(samples, 0));
  EXPECT_EQ(learner->descend_from(seed, a, {1}), part(made, 1));
  EXPECT_THROW(learner->descend_from(seed, a, {}), std::invalid_argument);
}

TEST(CdrlDescent, EndsWithinTheRangeOfTheData) {
  CdrlSettings s = settings();
  const std::vector<real> free = draw(*learner_of(s), 9);
  s.bound = 0.5;
  const std::unique_ptr<Cdrl> learner = learner_of(s);
  std::vector<real> wanted = free;
  for (real &x : wanted) x = std::min(real(0.5), std::max(real(-0.5), x));
  ASSERT_NE(wanted, free);
  EXPECT_EQ(draw(*learner, 9), wanted);
  for (const auto &[name, shown] : learner->samples())
    for (const real x : values(test_backend(), shown)) EXPECT_LE(std::abs(x), 0.5) << name;
  for (const real x : learner->descend_from(seed, learner->first_noise(seed, 1), {})) EXPECT_LE(std::abs(x), 0.5);
  const std::vector<real> visible = {1, 0, 0, 0};
  const std::vector<real> made = learner->complete(seed, {0.75, 0, 0, 0}, visible);
  EXPECT_EQ(made[0], real(0.75)) << "what is given stays";
  for (size_t i = 1; i < made.size(); ++i) EXPECT_LE(std::abs(made[i]), 0.5);
}

TEST(CdrlDescent, CompletesWithoutTouchingWhatIsVisible) {
  for (const int64_t classes : {0, 3}) {
    const std::unique_ptr<Cdrl> learner = learner_of(settings(classes));
    constexpr int64_t count = block + 2;
    const std::vector<real> examples = random_values(count * elements, 7, 0, 0.3);
    std::vector<real> visible, others = examples;
    for (int64_t i = 0; i < count * elements; ++i) visible.push_back(real((i / 3 + i) % 2));
    const std::vector<real> made = learner->complete(seed, examples, visible);
    ASSERT_EQ(made.size(), examples.size());
    for (size_t i = 0; i < made.size(); ++i) {
      if (visible[i] == 1)
        EXPECT_EQ(made[i], examples[i]) << i;
      else
        EXPECT_NE(made[i], examples[i]) << i, others[i] = real(5 * i);
    }
    EXPECT_EQ(learner->complete(seed, others, visible), made) << "nobody looks at what is hidden";
    EXPECT_EQ(learner->complete(seed, part(examples, 0, 3), part(visible, 0, 3)), part(made, 0, 3));
    EXPECT_NE(learner->complete(seed + 1, examples, visible), made);
    EXPECT_EQ(learner->complete(seed, examples, std::vector<real>(examples.size(), 1)), examples);
    EXPECT_THROW(learner->complete(seed, examples, {1, 0, 1, 0}), std::invalid_argument);
    EXPECT_THROW(learner->complete(seed, {1, 0, 1}, {1, 0, 1}), std::invalid_argument);
  }
}

// These nets treat each element by itself, so that a hidden one is what plain loops over doubles make of noise alone.
TEST(CdrlDescent, GoesDownEachLevelThriceToComplete) {
  const CdrlSettings c = settings();
  const std::unique_ptr<Cdrl> learner = learner_of(c);
  const Layer s(*learner, "energy.0"), h(*learner, "energy.1"), scale(*learner, "initialiser.0"),
      shift(*learner, "initialiser.1");
  const std::vector<real> made =
      learner->complete(seed, random_values(4 * elements, 7), std::vector<real>(4 * elements));
  for (int64_t i = 0; i < 4 * elements; ++i) {
    const auto of = [&](const Layer &layer, int64_t level) { return layer.of(about(2, level, 0, -1), size_t(i % 2)); };
    const auto noise = [&](Purpose purpose, int64_t t, int64_t index) {
      return drawn({seed, purpose}, int64_t(seed << 32 | uint64_t(t)), index, i);
    };
    double x = noise(Purpose::sample, 0, 0), y = 0;
    for (int64_t t = 2; t >= 1; --t) {
      const Terms p = terms(t, 2);
      const double bend = of(s, t - 1), slope = of(h, t - 1);
      for (int64_t turn = 0; turn < 3; ++turn) {
        if (turn > 0) x = std::sqrt(p.kept) * x + p.sigma * noise(Purpose::sample, t, 3 * turn + 2);
        y = of(scale, t) * x + of(shift, t) + p.first_noise * noise(Purpose::sample, t, 3 * turn);
        for (int64_t k = 0; k < 3; ++k)
          y += bend * y + slope / 2 - p.tether * (y - x) +
               p.step_noise * noise(Purpose::sample_langevin, t, 3 * turn + k);
        x = y / p.scale;
      }
    }
    const Terms p = terms(1, 2);
    const double clean = alpha_bar(0, 2), gradient = 2 * of(s, 0) * y + of(h, 0);
    const double wanted = (x + (1 - clean) * p.scale * gradient / (p.step_noise * p.step_noise)) / std::sqrt(clean);
    EXPECT_NEAR(made[size_t(i)], wanted, 5e-5 * (1 + std::abs(wanted))) << i;
  }
}

// What is to be told of a level so that a layer of one bias gives `first` at level 0 and `second` at level 1.
void set_of_levels(Cdrl &learner, const std::string &layer, const std::vector<double> &first,
                   const std::vector<double> &second) {
  const std::vector<real> zero = Diffusion(2).embedding(0, told), one = Diffusion(2).embedding(1, told);
  const double apart = double(one[0] - zero[0]);
  std::vector<real> filters(size_t(told) * first.size()), bias;
  for (size_t k = 0; k < first.size(); ++k) {
    filters[k] = real((second[k] - first[k]) / apart);
    bias.push_back(real(first[k] - double(filters[k]) * double(zero[0])));
  }
  set_state(learner, layer + ".filters", filters);
  set_state(learner, layer + ".bias", bias);
}

// Pairs of correlated Gaussian numbers, of which one is visible, and the energies that are exactly right: the hidden
// one is N(m + r (x - m), (1 - r^2) v). Chains have steps of a length, which makes the deviation some hundredths too
// large. Were the visible one only put in between the levels, the mean would be m: two levels apart nothing is known of
// x.
TEST(CdrlDescent, CompletesByTheConditionalDensity) {
  Backend &backend = test_backend();
  if (backend.info().name.find("emulator") != std::string::npos) GTEST_SKIP() << "takes too long there";
  constexpr double m = 0.1, v = 0.0036, r = 0.9, given = 0.2;
  constexpr int64_t count = 512;
  const auto energy = [](Recorder &rec, const std::vector<Variable> &x) {
    const Variable s = rec.fully_connected(x[1], 2), h = rec.fully_connected(x[1], 2);
    const Variable q = rec.fully_connected(x[1], 1);
    const Variable both = rec.multiply(rec.slice(x[0], 0, 1), rec.slice(x[0], 1, 1));
    return std::vector<Variable>{rec.add(rec.sum_examples(rec.multiply(x[0], rec.modulate(x[0], s, h))),
                                         rec.sum_examples(rec.modulate(both, q, {})))};
  };
  CdrlSettings c = settings();
  c.langevin_steps = 60;
  const Shape pair{1, 1, 1, 1, 2};
  Cdrl learner(told_net(backend, "energy", energy, pair, told),
               told_net(backend, "initialiser", linear_initialiser, pair, told), c);
  std::vector<double> s, h, q;  // by level, of b^2 times the logarithm of y's density
  for (int64_t t = 1; t <= 2; ++t) {
    const Terms p = terms(t, 2);
    const double kept = alpha_bar(t - 1, 2), scale = p.scale * p.scale, b2 = p.step_noise * p.step_noise;
    const double own = scale * (kept * v + 1 - kept), shared = scale * kept * r * v;
    const double determinant = own * own - shared * shared;
    s.push_back(-b2 / 2 * own / determinant);
    q.push_back(b2 * shared / determinant);
    h.push_back(b2 * p.scale * std::sqrt(kept) * m * (own - shared) / determinant);
  }
  set_of_levels(learner, "energy.0", {s[0], s[0]}, {s[1], s[1]});
  set_of_levels(learner, "energy.1", {h[0], h[0]}, {h[1], h[1]});
  set_of_levels(learner, "energy.2", {q[0]}, {q[1]});
  for (const char *layer : {"initialiser.0", "initialiser.1"}) set_of_levels(learner, layer, {0, 0}, {0, 0});
  std::vector<real> examples, visible;
  for (int64_t k = 0; k < count; ++k) {
    examples.insert(examples.end(), {real(given), real(7)});
    visible.insert(visible.end(), {1, 0});
  }
  const std::vector<real> made = learner.complete(seed, examples, visible);
  double mean = 0, squares = 0;
  for (int64_t k = 0; k < count; ++k) mean += double(made[size_t(2 * k + 1)]) / count;
  for (int64_t k = 0; k < count; ++k) squares += std::pow(double(made[size_t(2 * k + 1)]) - mean, 2) / count;
  const double deviation = std::sqrt((1 - r * r) * v);
  EXPECT_NEAR(mean, m + r * (given - m), 0.2 * deviation);
  EXPECT_NEAR(std::sqrt(squares) / deviation, 1.05, 0.15);
}

}  // namespace
}  // namespace coopnets
