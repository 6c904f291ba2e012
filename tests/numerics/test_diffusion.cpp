// The noise levels of diffusion recovery likelihood: their numbers, and what nets are told of them.
#include "learning/diffusion.h"

#include <gtest/gtest.h>

#include <set>

#include "files.h"
#include "numerics/gaussian_nets.h"

namespace coopnets {
namespace {

// To four digits.
void expect_digits(double got, double wanted, const std::string &what) {
  EXPECT_NEAR(got, wanted, 6e-4 * std::abs(wanted)) << what;
}

// Worked out from the constants of the code that the authors published, for its six levels.
TEST(Diffusion, HasTheLevelsOfThePaper) {
  const struct {
    double log_snr, alpha_bar, deviation;
  } levels[] = {{9.8, 0.999945, 0.007446},  {2.689, 0.936364, 0.2523},   {1.197, 0.767969, 0.4817},
                {0.1411, 0.535209, 0.6818}, {-0.8761, 0.293992, 0.8402}, {-2.172, 0.102258, 0.9475},
                {-5.1, 0.006060, 0.9970}};
  const Diffusion diffusion(6);
  ASSERT_EQ(diffusion.transitions(), 6);
  for (int64_t i = 0; i <= 6; ++i) {
    const NoiseLevel &level = diffusion.level(i);
    const std::string what = "level " + std::to_string(i);
    expect_digits(level.log_snr, levels[i].log_snr, what);
    expect_digits(level.signal * level.signal, levels[i].alpha_bar, what);
    expect_digits(level.deviation, levels[i].deviation, what);
    EXPECT_NEAR(level.signal * level.signal + level.deviation * level.deviation, 1, 1e-12) << what;
  }
}

TEST(Diffusion, HasTheTransitionsOfThePaper) {
  const struct {
    double kept, deviation, growth, step_noise, first_noise, weight, tether;
  } wanted[] = {
      {0.93642, 0.25216, 1, 0.005043, 0.007203, 1, 2.0e-4},
      {0.82016, 0.42407, 33.88, 0.04937, 0.2011, 0.5946, 6.775e-3},
      {0.69692, 0.55053, 64.69, 0.08856, 0.3247, 0.4580, 1.294e-2},
      {0.54930, 0.67134, 91.56, 0.1285, 0.4037, 0.3756, 1.831e-2},
      {0.34782, 0.80757, 112.84, 0.1716, 0.4224, 0.3122, 2.257e-2},
      {0.05926, 0.96992, 127.24, 0.2188, 0.9218, 0.2600, 0},
  };
  const Diffusion diffusion(6);
  for (int64_t t = 1; t <= 6; ++t) {
    const Transition &got = diffusion.transition(t);
    const std::string what = "transition " + std::to_string(t);
    expect_digits(got.scale * got.scale, t == 6 ? 1 : wanted[t - 1].kept, what);
    expect_digits(1 - got.deviation * got.deviation, wanted[t - 1].kept, what);
    expect_digits(got.deviation, wanted[t - 1].deviation, what);
    expect_digits(got.step_noise, wanted[t - 1].step_noise, what);
    expect_digits(got.first_noise, wanted[t - 1].first_noise, what);
    expect_digits(got.weight, wanted[t - 1].weight, what);
    // The pull towards x_t, 2e-4 c, is that of a reference; c shows in b^2 = 4e-4 c deviation^2, too.
    expect_digits(1 / (2 * std::pow(got.reference_deviation, 2)), wanted[t - 1].tether, what);
    expect_digits(std::pow(got.step_noise / got.deviation, 2) / 4e-4, wanted[t - 1].growth, what);
  }
}

// b^2 / first_noise of the table above, by the largest, which is that of t = 5.
TEST(Diffusion, KnowsHowSteepTheEnergyIs) {
  const double wanted[] = {0.05066, 0.1739, 0.3465, 0.5866, 1, 0.7453};
  const Diffusion diffusion(6);
  for (int64_t t = 1; t <= 6; ++t) EXPECT_NEAR(diffusion.transition(t).steepness, wanted[t - 1], 1e-3) << t;
}

// The other numbers of levels, against the formulas.
TEST(Diffusion, FollowsTheFormulasForAnyNumberOfLevels) {
  for (const int64_t T : {1, 2, 3, 11}) {
    const Diffusion diffusion(T);
    for (int64_t t = 1; t <= T; ++t) {
      const Terms wanted = terms(t, T);
      const Transition &got = diffusion.transition(t);
      const std::string what = std::to_string(t) + " of " + std::to_string(T);
      EXPECT_NEAR(diffusion.level(t).signal, std::sqrt(alpha_bar(t, T)), 1e-12) << what;
      EXPECT_NEAR(got.scale, wanted.scale, 1e-12) << what;
      EXPECT_NEAR(got.deviation, wanted.sigma, 1e-12) << what;
      EXPECT_NEAR(got.step_noise, wanted.step_noise, 1e-12) << what;
      EXPECT_NEAR(got.first_noise, wanted.first_noise, 1e-12) << what;
      EXPECT_NEAR(got.weight, wanted.weight, 1e-12) << what;
      EXPECT_NEAR(1 / (2 * std::pow(got.reference_deviation, 2)), wanted.tether, 1e-12) << what;
    }
  }
  EXPECT_THROW(Diffusion(0), std::invalid_argument);
  EXPECT_THROW(Diffusion(-3), std::invalid_argument);
}

// With x fixed, x_t ~ N(a_t x, d_t^2) and y given x_t and x must together give y ~ N(scale a_{t-1} x,
// scale^2 d_{t-1}^2), and their covariance must be that of x_t = sqrt(kept) x_{t-1} + noise.
TEST(Diffusion, KnowsYGivenBothTheNoisyAndTheCleanExample) {
  const Diffusion diffusion(6);
  for (int64_t t = 1; t <= 6; ++t) {
    const Transition &p = diffusion.transition(t);
    const NoiseLevel &from = diffusion.level(t - 1), &to = diffusion.level(t);
    EXPECT_NEAR(p.noisy_share * to.signal + p.clean_share, p.scale * from.signal, 1e-12) << t;
    const double variance = std::pow(p.noisy_share * to.deviation, 2) + std::pow(p.first_noise, 2);
    EXPECT_NEAR(variance, std::pow(p.scale * from.deviation, 2), 1e-12) << t;
    const double covariance = p.scale * (to.signal / from.signal) * std::pow(from.deviation, 2);
    EXPECT_NEAR(p.noisy_share * std::pow(to.deviation, 2), covariance, 1e-12) << t;
  }
}

// u, the noise as an angle, grows in equal steps; the slowest wave tells it, the fastest tells near levels apart.
TEST(Diffusion, EmbedsLevelsInWaves) {
  const Diffusion diffusion(6);
  std::set<std::vector<real>> seen;
  for (int64_t i = 0; i <= 6; ++i) {
    const double u = std::acos(std::sqrt(alpha_bar(i, 6))) * 2 / std::acos(-1.0);
    const std::vector<real> e = diffusion.embedding(i, 8);
    ASSERT_EQ(e.size(), 8u);
    for (size_t k = 0; k < 4; ++k) {
      const double phase = 1000 * u * std::pow(1e-4, double(k) / 3);
      EXPECT_NEAR(e[k], std::sin(phase), 1e-6) << i << ' ' << k;
      EXPECT_NEAR(e[k + 4], std::cos(phase), 1e-6) << i << ' ' << k;
    }
    EXPECT_NEAR(std::asin(double(e[3])) * 10, u, 1e-5);
    seen.insert(e);
  }
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(diffusion.embedding(2, 2).size(), 2u);
  for (const int64_t size : {0, -2, 1, 7}) EXPECT_THROW(diffusion.embedding(0, size), std::invalid_argument) << size;
}

class Told : public testing::Test {
 protected:
  std::vector<real> told(const std::vector<int64_t> &levels, const std::vector<int64_t> &labels, int64_t classes,
                         int64_t examples, int64_t size) const {
    const Tensor into(test_backend(), {examples, 1, 1, 1, size}, std::vector<real>(size_t(examples * size), 7));
    diffusion.tell(levels, labels, classes, into);
    return into.values();
  }
  std::vector<real> row(int64_t level, std::vector<real> classes) const {
    std::vector<real> all = diffusion.embedding(level, 4);
    all.insert(all.end(), classes.begin(), classes.end());
    return all;
  }
  const Diffusion diffusion{3};
};

// An odd size has a number more: of level i that of the transition i + 1, in which the energy sees it.
TEST_F(Told, IsHowSteepItsTransitionIs) {
  const std::vector<real> all = told({0, 2, 3}, {1, -1, 0}, 2, 3, 4 + 2 + 1);
  std::vector<real> wanted;
  for (const std::vector<real> &one : {row(0, {0, 1, real(diffusion.transition(1).steepness)}),
                                       row(2, {0, 0, real(diffusion.transition(3).steepness)}), row(3, {1, 0, 0})})
    wanted.insert(wanted.end(), one.begin(), one.end());
  EXPECT_EQ(all, wanted);
}

TEST_F(Told, IsTheLevelAndThenTheClass) {
  std::vector<real> wanted;
  for (const std::vector<real> &one : {row(3, {0, 1, 0}), row(0, {0, 0, 0}), row(2, {0, 0, 1})})
    wanted.insert(wanted.end(), one.begin(), one.end());
  EXPECT_EQ(told({3, 0, 2}, {1, -1, 2}, 3, 3, 7), wanted);
  EXPECT_EQ(told({1}, {}, 0, 1, 4), row(1, {}));
  EXPECT_EQ(told({1}, {9}, 0, 1, 4), row(1, {})) << "without classes no label is read";
}

TEST_F(Told, RefusesWhatIsNotThere) {
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] {
                    told({1, 2}, {0, 3}, 3, 2, 7);
                  }),
                  "an example is of class 3, and there are 3");
  EXPECT_THROW(told({1, 2}, {0, -2}, 3, 2, 7), std::invalid_argument);
  EXPECT_THROW(told({1, 2}, {0}, 3, 2, 7), std::invalid_argument) << "a label for each";
  EXPECT_THROW(told({1, 2}, {}, 3, 2, 7), std::invalid_argument);
  EXPECT_THROW(told({1, 2}, {}, 0, 1, 4), std::invalid_argument) << "more levels than examples";
  EXPECT_THROW(told({1}, {}, 0, 2, 4), std::invalid_argument) << "fewer";
  EXPECT_THROW(told({1}, {0}, 3, 1, 4), std::invalid_argument) << "what is left for the level is a single number";
  EXPECT_THROW(told({1}, {0}, 3, 1, 3), std::invalid_argument) << "nothing is left for the level";
}

// One step of the chain of transition t, element by element.
TEST(Diffusion, MakesLangevinStepsOfLengthOne) {
  Backend &backend = test_backend();
  const Shape shape{2, 1, 1, 1, 3};
  const std::vector<real> from = random_values(6, 1), slope = random_values(6, 2), noisy = random_values(6, 3);
  const Tensor gradient(backend, shape, slope), mean(backend, shape, noisy);
  const RandomKey key{4, Purpose::langevin};
  const Diffusion diffusion(2);
  for (const int64_t t : {1, 2}) {
    const Terms p = terms(t, 2);
    const Tensor y(backend, shape, from);
    backend.set_clock({9, 1});
    LangevinStep step = diffusion.langevin_step(t, key, mean);
    step.index = 5;
    backend.langevin(y, gradient, step);
    std::vector<double> wanted;
    for (size_t i = 0; i < 6; ++i)
      wanted.push_back(from[i] + slope[i] / 2 - p.tether * (from[i] - noisy[i]) +
                       p.step_noise * drawn(key, 9, 5, int64_t(i)));
    EXPECT_LE(relative_error(y.values(), wanted), 1e-6) << t;
  }
}

}  // namespace
}  // namespace coopnets
