#include "learning/health.h"

#include <gtest/gtest.h>

#include <limits>

namespace coopnets {
namespace {

Monitor healthy(double i) {
  return {int64_t(i), true, true, 5 + i, 3 + i, 4 + i, 0.1, 0.2, 0.5, 0.9, 0.4, {1, 2}, {3}};
}

TEST(Health, SaysNothingWhileLearningIsWell) {
  Health health;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(health.check(healthy(i)), "");
}

TEST(Health, StopsAtTheFirstValueThatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (double bad : {nan, infinity, -infinity})
    for (double Monitor::*value : {&Monitor::energy_observed, &Monitor::energy_initial, &Monitor::energy_revised,
                                   &Monitor::gradient, &Monitor::reconstruction}) {
      Health health;
      Monitor m = healthy(0);
      m.*value = bad;
      EXPECT_THROW(health.check(m), LearningFailed);
    }
  Health health;
  Monitor m = healthy(7);
  m.energy_revised = nan;
  try {
    health.check(m);
  } catch (const LearningFailed &e) {
    EXPECT_NE(std::string(e.what()).find("iteration 7"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("revised"), std::string::npos) << e.what();
  }
}

TEST(Health, AbsentNetsAreNotFailures) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Health health;
  EXPECT_EQ(health.check({0, false, true, nan, nan, nan, nan, 0.3, nan, nan, nan, {}, {1}}), "");
  EXPECT_EQ(health.check({1, true, false, 1, 2, 3, 4, nan, 0.5, nan, nan, {1}, {}}), "");
}

TEST(Health, WarnsOnceWhenALayerHasDied) {
  Health health;
  Monitor m = healthy(0);
  m.layer_maximum = {1, 0};
  EXPECT_NE(health.check(m).find("layer 2"), std::string::npos);
  EXPECT_EQ(health.check(m), "");
}

TEST(Health, WarnsOfADeadGeneratorWithoutADescriptorToo) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Health health;
  const std::string warning = health.check({0, false, true, nan, nan, nan, nan, 0.3, nan, nan, nan, {}, {1, 0, 2}});
  EXPECT_NE(warning.find("generator layer 2"), std::string::npos) << warning;
}

// Long before a value is no longer finite, samples or residuals leave the data's range, [-1, 1].
TEST(Health, WarnsOnceOfSamplesAndResidualsFarOutsideTheDatasRange) {
  Health health;
  Monitor m = healthy(9);
  m.amplitude = 1.9;
  EXPECT_EQ(health.check(m), "");
  m.amplitude = 2.5;
  const std::string warning = health.check(m);
  EXPECT_NE(warning.find("iteration 9: the revised samples leave the range"), std::string::npos) << warning;
  EXPECT_NE(warning.find("langevin_step_size"), std::string::npos) << warning;
  m.iteration = 10;
  m.amplitude = 100;
  EXPECT_EQ(health.check(m), "");

  Health other;
  m = healthy(3);
  m.reconstruction = 3;
  EXPECT_NE(other.check(m).find("generator_rate"), std::string::npos);

  Health third;
  m = healthy(4);
  m.data_reconstruction = 1.9;
  EXPECT_EQ(third.check(m), "");
  m.data_reconstruction = 4;
  const std::string of_data = third.check(m);
  EXPECT_NE(of_data.find("far from the data that it learns (reconstruction error 4,"), std::string::npos) << of_data;
  EXPECT_NE(of_data.find("generator_step_size"), std::string::npos) << of_data;
  m.data_reconstruction = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(third.check(m), LearningFailed);
}

TEST(Health, WarnsOnceWhenTheEnergiesAreFrozen) {
  Health health;
  int warnings = 0, at = 0;
  for (int i = 0; i < 60; ++i)
    if (!health.check(healthy(0)).empty()) {
      ++warnings;
      at = i;
    }
  EXPECT_EQ(warnings, 1);
  EXPECT_EQ(at, 20);
}

}  // namespace
}  // namespace coopnets
