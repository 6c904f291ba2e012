// Rank 0 leads and the others follow, by threads of one process.
#include "app/leader.h"

#include "cpu/cpu.h"
#include "files.h"
#include "numerics/learners.h"
#include "numerics/ranks_learn.h"

namespace coopnets {
namespace {

Batch three_stripes(int64_t) { return {stripes(), {0, 1, 2}, {}}; }

// It has another state than the others at first, as after a resume.
Values led(Ranks &ranks, int64_t &passes) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  backend->set_ranks(ranks);
  SmallNets nets(*backend);
  LearningSettings s = small_settings(Algorithm::cooperative);
  s.descriptor.rule = s.generator.rule = OptimizerSettings::momentum;
  Cooperative learner(*backend, &nets.descriptor, &nets.generator, s, 3);
  if (ranks.rank() > 0) {
    follow(*backend, learner, three_stripes);
    return {};
  }
  for (const auto &[name, view] : learner.state()) backend->affine(view, real(1.5), 0, view);
  Leader leader(*backend, learner);
  const Values all = learned(*backend, leader, 0, 3, three_stripes);
  passes = backend->passes();
  return all;
}

TEST(Leader, OthersDoWhatItsLearnerDoesFromItsState) {
  int64_t of_one = 0, of_three = 0;
  const Values wanted = led(one_rank(), of_one);
  Values got;
  as_ranks(3, [&](Ranks &ranks) {
    const Values own = led(ranks, of_three);
    if (ranks.rank() == 0) got = own;
  });
  expect_close(got, wanted, 1e-3, 1e-3);
  EXPECT_EQ(of_three, of_one);
}

// Densities are rank 0's alone: nobody else takes part.
TEST(Leader, ComputesDensitiesAlone) {
  as_ranks(2, [&](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    backend->set_ranks(ranks);
    SmallNets nets(*backend);
    Cooperative learner(*backend, &nets.descriptor, &nets.generator, small_settings(Algorithm::cooperative), 3);
    if (ranks.rank() > 0) return follow(*backend, learner, three_stripes);
    Leader leader(*backend, learner);
    EXPECT_EQ(leader.log_densities(stripes()).at(0).second.size(), 3u);
    EXPECT_EQ(&backend->ranks(), &ranks);
  });
}

TEST(Leader, RefusesWhatIsNotAlike) {
  const Alike first = {"1.0", "AVX2", "batch=3", "digits"};
  const auto refusal = [&](const Alike &second) {
    std::string text;
    as_ranks(2, [&](Ranks &ranks) {
      try {
        require_alike(ranks, ranks.rank() == 0 ? first : second);
      } catch (const std::runtime_error &error) {
        text = error.what();
      }
    });
    return text;
  };
  EXPECT_EQ(refusal(first), "");
  EXPECT_CONTAINS(refusal({"1.1", "AVX2", "batch=3", "digits"}), "rank 1 is another version");
  EXPECT_CONTAINS(refusal({"1.0", "AVX-512", "batch=3", "digits"}), "rank 1 has another kind of processor");
  EXPECT_CONTAINS(refusal({"1.0", "AVX2", "batch=4", "digits"}), "rank 1 has other options or settings");
  EXPECT_CONTAINS(refusal({"1.0", "AVX2", "batch=3", "objects"}), "rank 1 has other data");
}

}  // namespace
}  // namespace coopnets
