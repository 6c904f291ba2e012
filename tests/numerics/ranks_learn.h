// That several ranks learn what one learns.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include "learning/learner.h"
#include "numerics/thread_ranks.h"

namespace coopnets {

using Values = std::vector<std::pair<std::string, std::vector<double>>>;

// State, samples and readings of a learner.
inline Values learned(Backend &backend, Learner &learner) {
  Values all;
  const auto add = [&](const std::string &name, const std::vector<real> &v) {
    all.push_back({name, {v.begin(), v.end()}});
  };
  for (const auto &[name, view] : learner.state()) add(name, values(backend, view));
  for (const auto &[name, view] : learner.samples()) add("sample " + name, values(backend, view));
  for (const Reading &reading : learner.take_readings())
    for (size_t i = 0; i < reading.values.size(); ++i)
      all.push_back({learner.columns()[i].name, {std::isnan(reading.values[i]) ? -1 : reading.values[i]}});
  return all;
}

// The same after iterations.
inline Values learned(Backend &backend, Learner &learner, int64_t first, int64_t last,
                      const std::function<Batch(int64_t)> &next) {
  for (int64_t i = first; i < last; ++i) learner.iterate(i, 1 - 0.1 * double(i), next(i));
  return learned(backend, learner);
}

constexpr double close_by_rounding = sizeof(real) == 8 ? 1e-9 : 2e-4;

// Biases before a batch norm, the generator's, have a gradient of nothing but what rounding leaves.
inline void expect_close(const Values &got, const Values &wanted, double of_such_biases = close_by_rounding,
                         double of_others = close_by_rounding) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].first, wanted[i].first);
    ASSERT_EQ(got[i].second.size(), wanted[i].second.size());
    double worst = 0, largest = 1e-3;
    for (size_t k = 0; k < got[i].second.size(); ++k) {
      const double error = std::fabs(got[i].second[k] - wanted[i].second[k]);
      if (!(error <= worst)) worst = error;
      largest = std::max(largest, std::fabs(wanted[i].second[k]));
    }
    const std::string &name = got[i].first;
    const bool bias = name.rfind("generator.", 0) == 0 && name.find(".bias") != std::string::npos;
    EXPECT_LE(worst / largest, bias ? of_such_biases : of_others) << name;
  }
}

// What each of so many ranks has learned; all of them have the same bits, and the same again.
inline Values learned_by(int count, const std::function<Values(Ranks &)> &learn) {
  std::vector<Values> all(static_cast<size_t>(count)), again(all.size());
  as_ranks(count, [&](Ranks &ranks) { all[size_t(ranks.rank())] = learn(ranks); });
  as_ranks(count, [&](Ranks &ranks) { again[size_t(ranks.rank())] = learn(ranks); });
  for (int r = 0; r < count; ++r) {
    EXPECT_EQ(all[size_t(r)], all[0]) << "rank " << r;
    EXPECT_EQ(again[size_t(r)], all[0]) << "rank " << r;
  }
  return all[0];
}

}  // namespace coopnets
