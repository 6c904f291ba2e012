// The change of colours before nets: its numbers worked out by hand, there and back, and a learner that goes through it.
#include "learning/colours.h"

#include <gtest/gtest.h>

#include "numerics/gaussian_nets.h"

namespace coopnets {
namespace {

const double close = sizeof(real) == 8 ? 1e-9 : 2e-5;

std::vector<real> through(Colours &colours, const std::vector<real> &x, bool back = false) {
  const Tensor all(test_backend(), {1, 1, 1, int64_t(x.size()) / 2, 2}, x);
  back ? colours.to_data(all) : colours.to_net(all);
  return all.values();
}

void expect_all_near(const std::vector<real> &got, const std::vector<real> &wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], close) << i;
}

TEST(Colours, AreAsTheyAreAtFirst) {
  const std::vector<real> x = {1, 2, -3, 4};
  Colours colours(test_backend(), 2);
  expect_all_near(through(colours, x), x);
  expect_all_near(through(colours, x, true), x);
}

// Variances 4 and 1 without correlation: the ridge is 0.025, L has the roots of 4.025 and 1.025.
TEST(Colours, AreScaledToVarianceOne) {
  Colours colours(test_backend(), 2);
  const std::vector<real> x = {3, 4, 3, 2, -1, 4, -1, 2};
  colours.learn(x);
  const real a = real(2 / 2.0062403), b = real(1 / 1.0124228);
  const std::vector<real> wanted = {a, b, a, -b, -a, b, -a, -b};
  const std::vector<real> got = through(colours, x);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-6 + close) << i;
  expect_all_near(through(colours, got, true), x);
}

// Two channels alike, of variance 1: covariance + ridge is (1.01 1; 1 1.01), L (1.0049876 0; 0.9950372 0.1410709).
TEST(Colours, OfChannelsThatAreAlikeTheSecondIsFaint) {
  Colours colours(test_backend(), 2);
  colours.learn({1, 1, -1, -1});
  const std::vector<real> got = through(colours, {1, 1});
  EXPECT_NEAR(got[0], 0.9950372, 1e-6 + close);
  EXPECT_NEAR(got[1], 0.0701840, 1e-5);
  expect_all_near(through(colours, got, true), {1, 1});
}

TEST(Colours, OfOneColourOnlyTheMeanIsTaken) {
  Colours colours(test_backend(), 2);
  colours.learn({real(0.5), real(-0.5), real(0.5), real(-0.5)});
  expect_all_near(through(colours, {real(0.5), real(-0.5)}), {0, 0});
  EXPECT_THROW(colours.learn({}), std::invalid_argument);
}

// Beside a learner that is given the changed colours themselves: the same weights, and samples changed back.
TEST(Colours, ALearnerSeesThemAndGivesBackTheDatas) {
  CdrlSettings s;
  s.levels = 2;
  s.batch = 4;
  s.langevin_steps = 2;
  s.energy.rate = s.initialiser.rate = 0.01;
  const auto plain = gaussian_learner(test_backend(), two_by_two, told, s);
  s.decorrelate = true;
  const auto learner = gaussian_learner(test_backend(), two_by_two, told, s);
  std::vector<real> x = random_values(s.batch * 4, 3);
  for (size_t i = 1; i < x.size(); i += 2) x[i] = real(0.3) * x[i] + real(0.1) * x[i - 1] + real(0.5);
  Colours colours(test_backend(), 2);
  colours.learn(x);
  for (int64_t i = 0; i < 3; ++i) {
    learner->iterate(i, 1, {x, {}, {}});
    plain->iterate(i, 1, {through(colours, x), {}, {}});
    for (real &v : x) v *= real(0.9);  // the colours stay those of the first batch
  }
  const std::vector<std::vector<real>> wanted = whole_state(*plain), got = whole_state(*learner);
  ASSERT_EQ(got.size(), wanted.size() + 4);
  for (size_t k = 0; k < wanted.size(); ++k) expect_all_near(got[k], wanted[k]);
  const auto samples = learner->samples(), changed = plain->samples();
  for (size_t k = 0; k < samples.size(); ++k)
    expect_all_near(values(test_backend(), samples[k].second),
                    through(colours, values(test_backend(), changed[k].second), true));
  const auto densities = learner->log_densities(x), theirs = plain->log_densities(through(colours, x));
  for (size_t t = 0; t < densities.size(); ++t)
    for (size_t n = 0; n < densities[t].second.size(); ++n)
      EXPECT_NEAR(densities[t].second[n], theirs[t].second[n], close * (1 + std::abs(theirs[t].second[n])));
}

}  // namespace
}  // namespace coopnets
