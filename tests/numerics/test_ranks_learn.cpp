// The algorithms of cooperative learning by several ranks.
#include <gtest/gtest.h>

#include "autodiff/ops.h"
#include "numerics/learners.h"
#include "numerics/ranks_learn.h"

namespace coopnets {
namespace {

// Batch 3 or 1 and four chains, which neither two nor three ranks divide evenly; a rank may observe nothing.
struct Case {
  Algorithm algorithm;
  int64_t batch;
  double data_weight = 0;
};
class RanksLearn : public testing::TestWithParam<Case> {
 protected:
  static LearningSettings settings() {
    LearningSettings s = small_settings(GetParam().algorithm);
    s.batch = GetParam().batch;
    s.data_weight = GetParam().data_weight;
    s.descriptor = {OptimizerSettings::capped_momentum, 0.01, 1e-2, true};
    s.generator = {OptimizerSettings::capped_momentum, 0.01, 0, false};
    return s;
  }
  static Batch batch(int64_t i) {
    const std::vector<real> all = stripes();
    Batch b;
    for (int64_t k = 0; k < GetParam().batch; ++k) {
      const int64_t which = (i + k) % 3;
      b.indices.push_back(which);
      b.examples.insert(b.examples.end(), all.begin() + which * 64, all.begin() + (which + 1) * 64);
    }
    return b;
  }
  template <class Nets>
  static Values learn(Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    Nets nets(*backend);
    Cooperative learner(*backend, &nets.descriptor, &nets.generator, settings(), 3);
    return learned(*backend, learner, 0, 3, batch);
  }
};

TEST_P(RanksLearn, WhatOneLearns) {
  const Values wanted = learn<SmallNets>(one_rank());
  for (const int count : {2, 3}) expect_close(learned_by(count, learn<SmallNets>), wanted);
}

TEST_P(RanksLearn, WhatOneLearnsWithNetsThatBranch) {
  expect_close(learned_by(2, learn<BranchingNets>), learn<BranchingNets>(one_rank()),
               sizeof(real) == 8 ? close_by_rounding : 0.01);
}

// The state of two ranks is that of a run: three go on from it, and one alone.
TEST_P(RanksLearn, GoOnWithAnotherNumberOfRanks) {
  std::vector<std::vector<real>> saved;
  as_ranks(2, [&](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    SmallNets nets(*backend);
    Cooperative learner(*backend, &nets.descriptor, &nets.generator, settings(), 3);
    learned(*backend, learner, 0, 1, batch);
    if (ranks.rank() > 0) return;
    for (const auto &[name, view] : learner.state()) saved.push_back(values(*backend, view));
  });
  const auto go_on = [&](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    SmallNets nets(*backend);
    Cooperative learner(*backend, &nets.descriptor, &nets.generator, settings(), 3);
    const NamedViews state = learner.state();
    for (size_t i = 0; i < state.size(); ++i)
      backend->upload(saved[i].data(), state[i].second.data, saved[i].size() * sizeof(real));
    return learned(*backend, learner, 1, 3, batch);
  };
  const Values alone = go_on(one_rank());
  expect_close(learned_by(3, go_on), alone);
  Values straight = learn<SmallNets>(one_rank()), state = alone;
  straight.resize(saved.size());
  state.resize(saved.size());
  expect_close(state, straight);
}

INSTANTIATE_TEST_SUITE_P(All, RanksLearn,
                         testing::Values(Case{Algorithm::cooperative, 3}, Case{Algorithm::cooperative, 1},
                                         Case{Algorithm::descriptor, 3}, Case{Algorithm::persistent_cd, 1},
                                         Case{Algorithm::generator, 3}, Case{Algorithm::cooperative, 2, 0.3}));

TEST(Ranks, TooManyAreRefusedAndWhatComparesExamples) {
  as_ranks(5, [](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    SmallNets nets(*backend);
    EXPECT_THROW(Cooperative(*backend, &nets.descriptor, &nets.generator, small_settings(Algorithm::cooperative), 3),
                 std::invalid_argument);
    EXPECT_THROW(Cooperative(*backend, &nets.descriptor, &nets.generator, small_settings(Algorithm::generator), 3),
                 std::invalid_argument);
    Tensor x(*backend, {2, 1, 1, 1, 6});
    Arena arena(*backend);
    Tape tape(*backend, arena, arena);
    EXPECT_THROW(cosines(tape, tape.leaf(x)), std::invalid_argument);
    EXPECT_THROW(closeness(tape, tape.leaf(x), 2), std::invalid_argument);
  });
}

}  // namespace
}  // namespace coopnets
