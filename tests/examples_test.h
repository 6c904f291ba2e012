// What the tests of observed examples share.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>

#include "experiments/examples.h"
#include "files.h"

namespace coopnets {

class ExamplesTest : public FolderTest {
 protected:
  std::unique_ptr<Examples> open(const Experiment &experiment, const Settings &s, const std::string &path,
                                 uint64_t seed = 1, Part part = Part::train) const {
    return open_examples(
        experiment, s, path, seed, [](const std::string &) {}, part);
  }
  std::string refusal(const char *experiment, const Settings &s, const std::string &path) const {
    return error_of([&] { open(find_experiment(experiment), s, path); });
  }
  // Batches are made of the examples that their indices say, in an order of each epoch's own.
  void expect_batches(Examples &examples, int64_t example_size) const {
    std::vector<int64_t> epochs;
    for (int64_t iteration : {3, 0, 1, 2}) {  // any one can be the first
      const std::vector<int64_t> indices = examples.batch_indices(iteration, 2);
      const std::vector<real> batch = examples.batch(iteration, 2);
      ASSERT_EQ(indices.size(), 2u);
      ASSERT_EQ(batch.size(), size_t(2 * example_size));
      for (int64_t k = 0; k < 2; ++k) {
        const std::vector<real> one = examples.range(indices[k], 1);
        EXPECT_TRUE(std::equal(one.begin(), one.end(), batch.begin() + k * example_size));
      }
    }
    for (int64_t iteration = 0; 2 * iteration < 2 * examples.size(); ++iteration)
      for (const int64_t index : examples.batch_indices(iteration, 2)) epochs.push_back(index);
    for (const auto begin : {epochs.begin(), epochs.begin() + examples.size()}) {  // each a permutation
      std::vector<int64_t> epoch(begin, begin + examples.size());
      std::sort(epoch.begin(), epoch.end());
      for (int64_t i = 0; i < examples.size(); ++i) EXPECT_EQ(epoch[i], i);
    }
  }
  Settings settings = [] {
    Settings s;
    s.size = 8;
    s.frames = 4;
    return s;
  }();
};

}  // namespace coopnets
