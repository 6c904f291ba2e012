// Samples of diffusion recovery likelihood: each number of them, what they depend on and what drawing them leaves as it
// was.
#include "learning/diffusion_sampler.h"

#include <gtest/gtest.h>

#include "numerics/gaussian_nets.h"

namespace coopnets {
namespace {

constexpr int64_t block = 64, elements = 4;  // of a draw; of an example
constexpr uint64_t seed = 9;
const double close = sizeof(real) == 8 ? 1e-6 : 2e-5;  // the noise has single precision

CdrlSettings settings(int64_t levels = 2) {
  CdrlSettings s;
  s.levels = levels;
  s.batch = 2 * levels;
  s.langevin_steps = 3;
  s.energy.rate = s.initialiser.rate = 0.01;
  s.seed = seed;
  return s;
}

// What draw() gives: the first of each batch, and all samples.
struct Drawn {
  std::vector<int64_t> firsts;
  std::vector<real> samples;
};
Drawn draw(Cdrl &learner, int64_t count, uint64_t with = seed) {
  LearningSettings s;
  s.seed = with;
  Drawn all;
  learner.draw(s, count, [&](int64_t first, const std::vector<real> &samples, const std::vector<real> &revised) {
    all.firsts.push_back(first);
    all.samples.insert(all.samples.end(), samples.begin(), samples.end());
    EXPECT_TRUE(revised.empty()) << "of one kind";
  });
  return all;
}

// One element of a sample, in doubles: what the initialiser made of it at last, y of the last chain, and the sample.
struct Naive {
  double made, y, sample;

  // Where classes are told, every number of the nets is (1 + w) that of the class - w that of none.
  Naive(Cdrl &learner, const CdrlSettings &c, int64_t example, int64_t element, double mean = 0) {
    const Layer s(learner, "energy.0"), h(learner, "energy.1"), scale(learner, "initialiser.0"),
        shift(learner, "initialiser.1");
    const int64_t of_block = example / block, i = example % block * elements + element;
    const auto number = [&](const Layer &layer, int64_t level) {
      const auto of = [&](int64_t label) { return layer.of(about(c.levels, level, c.classes, label), element % 2); };
      return c.classes == 0 ? of(-1) : (1 + c.guidance) * of(example % c.classes) - c.guidance * of(-1);
    };
    const auto clock = [&](int64_t t) { return int64_t(seed << 32 | uint64_t(of_block * (c.levels + 1) + t)); };
    const RandomKey first{seed, Purpose::sample}, chain{seed, Purpose::sample_langevin};
    double x = drawn(first, clock(0), 0, i) + std::sqrt(alpha_bar(c.levels, c.levels)) * mean;
    for (int64_t t = c.levels; t >= 1; --t) {
      const Terms p = terms(t, c.levels);
      const double bend = number(s, t - 1), slope = number(h, t - 1);
      y = number(scale, t) * x + number(shift, t) + p.first_noise * drawn(first, clock(t), 0, i);
      made = y / p.scale;
      for (int64_t k = 0; k < c.langevin_steps; ++k)
        y += bend * y + slope / 2 - p.tether * (y - x) + p.step_noise * drawn(chain, clock(t), k, i);
      x = y / p.scale;
    }
    const Terms p = terms(1, c.levels);
    const double clean = alpha_bar(0, c.levels), gradient = 2 * number(s, 0) * y + number(h, 0);
    sample = (x + (1 - clean) * p.scale * gradient / (p.step_noise * p.step_noise)) / std::sqrt(clean);
  }
};

// Numbers of an energy that is the same at all levels: s y^2 + h y.
void set_energy(Cdrl &learner, double s, double h) {
  for (const char *layer : {"energy.0", "energy.1"})
    set_state(learner, std::string(layer) + ".filters", std::vector<real>(2 * told));
  set_state(learner, "energy.0.bias", {real(s), real(s)});
  set_state(learner, "energy.1.bias", {real(h), real(h)});
}

TEST(DiffusionSampler, DescendsTheLevelsByTheFormulas) {
  for (const int64_t levels : {1, 2, 3}) {
    const CdrlSettings c = settings(levels);
    const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
    set_energy(*learner, -0.2, 0.1);
    const int64_t count = block + 3;
    const std::vector<real> got = draw(*learner, count).samples;
    const auto shown = learner->samples();  // the first block of the learner's own seed
    const std::vector<real> made = values(test_backend(), shown.at(0).second);
    EXPECT_EQ(values(test_backend(), shown.at(1).second),
              std::vector<real>(got.begin(), got.begin() + block * elements));
    ASSERT_EQ(got.size(), size_t(count * elements));
    for (const int64_t example : {int64_t{0}, int64_t{1}, block - 1, block, count - 1})
      for (int64_t e = 0; e < elements; ++e) {
        const Naive wanted(*learner, c, example, e);
        const size_t at = size_t(example * elements + e);
        EXPECT_NEAR(got[at], wanted.sample, close * (1 + std::abs(wanted.sample))) << levels << ' ' << example;
        if (example >= block) continue;
        EXPECT_NEAR(made[at], wanted.made, close * (1 + std::abs(wanted.made))) << levels << ' ' << example;
      }
  }
}

// Of all batches that were learned from, each place by itself; a learner that goes on from a state has it there.
TEST(DiffusionSampler, MayBeginAboutTheMeanExample) {
  CdrlSettings c = settings();
  c.begins_at_mean = true;
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
  const std::unique_ptr<Cdrl> resumed = gaussian_learner(test_backend(), two_by_two, told, c);
  std::vector<double> mean(elements);
  constexpr int64_t iterations = 5;
  for (int64_t i = 0; i < iterations; ++i) {
    std::vector<real> batch = random_values(c.batch * elements, unsigned(i));
    for (size_t k = 0; k < batch.size(); ++k) {
      batch[k] += real(3 * (k % elements));
      mean[k % elements] += double(batch[k]) / double(c.batch * iterations);
    }
    learner->iterate(i, 0, {batch, {}, {}});
    if (i == 2)
      for (const auto &[name, view] : learner->state()) set_state(*resumed, name, values(test_backend(), view));
    if (i > 2) resumed->iterate(i, 0, {batch, {}, {}});
  }
  const std::vector<real> got = draw(*learner, 5).samples;
  for (int64_t i = 0; i < 5 * elements; ++i) {
    const double wanted = Naive(*learner, c, i / elements, i % elements, mean[size_t(i % elements)]).sample;
    EXPECT_NEAR(got[size_t(i)], wanted, close * (1 + std::abs(wanted))) << i;
  }
  EXPECT_EQ(draw(*resumed, 5).samples, got);
  EXPECT_EQ(learner->descend_from(seed, learner->first_noise(seed, 0), {}),
            std::vector<real>(got.begin(), got.begin() + elements));
  EXPECT_THROW(learner->set_example({1, 1, 3, 5, 2}), std::invalid_argument) << "the mean has one size";
}

// Where the data is N(m, v), level 0 is N(a m, a^2 v + d^2), and the example behind x_0 is on average
// m + a v / (a^2 v + d^2) (x_0 - a m).
TEST(DiffusionSampler, EndsWithTheMeanOfTheDataBehindTheLastNoise) {
  const CdrlSettings c = settings();
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
  const Terms p = terms(1, c.levels);
  const double m = 0.3, v = 1e-4, kept = alpha_bar(0, c.levels), a = std::sqrt(kept), wide = kept * v + 1 - kept;
  const double b2 = p.step_noise * p.step_noise, variance = p.scale * p.scale * wide;  // of y
  set_energy(*learner, -b2 / (2 * variance), b2 * p.scale * a * m / variance);
  const Drawn got = draw(*learner, 8);
  double moved = 0;
  for (int64_t i = 0; i < 8 * elements; ++i) {
    const double x0 = Naive(*learner, c, i / elements, i % elements).y / p.scale;
    EXPECT_NEAR(got.samples[size_t(i)], m + a * v / wide * (x0 - a * m), close) << i;
    moved = std::max(moved, std::abs(got.samples[size_t(i)] - x0));
  }
  EXPECT_GT(moved, 100 * close) << "or the step would not be seen";
}

TEST(DiffusionSampler, GuidesAwayFromWhatTheNetsKnowWithoutAClass) {
  CdrlSettings c = settings();
  c.classes = 3;
  for (const double guidance : {0., 0.6}) {
    c.guidance = guidance;
    const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told + 3, c);
    const Drawn got = draw(*learner, block + 5);
    for (const int64_t example : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{3}, block + 4})
      for (int64_t e = 0; e < elements; ++e) {
        const double wanted = Naive(*learner, c, example, e).sample;
        EXPECT_NEAR(got.samples[size_t(example * elements + e)], wanted, 3 * close * (1 + std::abs(wanted)))
            << guidance << ' ' << example;
      }
  }
}

TEST(DiffusionSampler, GivesTheSameSamplesWhateverIsLearnedOrDrawnBeside) {
  CdrlSettings c = settings();
  const std::unique_ptr<Cdrl> few = gaussian_learner(test_backend(), two_by_two, told, c);
  c.batch = 150;  // more than a block
  const std::unique_ptr<Cdrl> many = gaussian_learner(test_backend(), two_by_two, told, c);
  const std::vector<real> wanted = draw(*few, 4 * block).samples;
  for (Cdrl *learner : {few.get(), many.get()})
    for (const int64_t count : {int64_t{1}, int64_t{6}, block, block + 1, 3 * block}) {
      const Drawn got = draw(*learner, count);
      EXPECT_EQ(got.samples, std::vector<real>(wanted.begin(), wanted.begin() + count * elements)) << count;
      std::vector<int64_t> firsts;
      for (int64_t first = 0; first < count; first += block) firsts.push_back(first);
      EXPECT_EQ(got.firsts, firsts) << count;
    }
  for (const uint64_t other : {seed + 1, seed + (uint64_t{1} << 33)})
    EXPECT_NE(draw(*few, 1, other).samples, draw(*few, 1).samples);
}

// Nets that take any size make samples of any.
TEST(DiffusionSampler, MakesSamplesOfAnotherSize) {
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, settings());
  const Shape wide{1, 1, 3, 5, 2};
  EXPECT_EQ(learner->set_example(wide).str(), wide.str());
  EXPECT_EQ(draw(*learner, 7).samples.size(), size_t(7 * 30));
  EXPECT_EQ(learner->set_example(two_by_two).str(), two_by_two.str());
  EXPECT_EQ(draw(*learner, 7).samples.size(), size_t(7 * elements));
  EXPECT_THROW(learner->set_example({1, 1, 3, 5, 3}), std::invalid_argument) << "of other channels";
}

TEST(DiffusionSampler, TellsHowFarItIs) {
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, settings());
  std::vector<double> told_of;
  learner->watch = [&](double done) { told_of.push_back(done); };
  draw(*learner, block + 10);
  EXPECT_EQ(told_of, (std::vector<double>{block / 2., block, block + 5., block + 10.}));
}

// ln p of x_{t-1}, but for a constant: of a Gaussian of variance -b^2 / (2 s scale^2).
TEST(DiffusionSampler, KnowsTheDensityOfEachLevel) {
  const CdrlSettings c = settings(3);
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, c);
  set_energy(*learner, -0.2, 0.1);
  const std::vector<real> x = random_values((block + 2) * elements, 3);
  const Learner::LogDensities got = learner->log_densities(x);
  ASSERT_EQ(got.size(), 3u);
  for (int64_t t = 1; t <= 3; ++t) {
    const Terms p = terms(t, 3);
    std::vector<double> wanted(size_t(block + 2));
    for (size_t i = 0; i < x.size(); ++i) {
      const double y = p.scale * double(x[i]);
      wanted[i / elements] += (-0.2 * y * y + 0.1 * y) / (p.step_noise * p.step_noise);
    }
    EXPECT_EQ(got[size_t(t - 1)].first, "energy-" + std::to_string(t));
    EXPECT_LE(relative_error(got[size_t(t - 1)].second, wanted), 1e-5) << t;
  }
}

// ----------------------------------------------------------------------------------------- a learner and its averages

CdrlSettings averaging() {
  CdrlSettings c = settings();
  c.energy.average_half_life = c.initialiser.average_half_life = 2;
  c.energy.weight_decay = 0.01;
  return c;
}
void learn(Cdrl &learner, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i)
    learner.iterate(i, 0.5, {random_values(learner.batch() * elements, unsigned(i)), {}, {}});
}
// All that is asked of a learner between iterations.
void look_at(Cdrl &learner) {
  learner.samples();
  learner.log_densities(random_values(elements, 1));
  draw(learner, 3);
  learner.take_readings();
}

TEST(DiffusionSampler, ChangesNothingOfTheLearner) {
  const std::unique_ptr<Cdrl> learner = gaussian_learner(test_backend(), two_by_two, told, averaging());
  learn(*learner, 0, 3);
  const std::vector<std::vector<real>> before = whole_state(*learner);
  look_at(*learner);
  EXPECT_EQ(whole_state(*learner), before);
}

TEST(DiffusionSampler, GoesOnExactlyFromTheState) {
  CdrlSettings c = averaging();
  c.decorrelate = true;  // by the colours of the first batch, which are not learned again
  const auto fresh = [&] { return gaussian_learner(test_backend(), two_by_two, told, c); };
  const std::unique_ptr<Cdrl> straight = fresh(), first = fresh(), second = fresh();
  learn(*straight, 0, 5);
  learn(*first, 0, 3);
  look_at(*first);
  for (const auto &[name, view] : first->state()) set_state(*second, name, values(test_backend(), view));
  look_at(*second);
  learn(*second, 3, 5);
  EXPECT_EQ(whole_state(*second), whole_state(*straight));
  EXPECT_EQ(draw(*second, 2).samples, draw(*straight, 2).samples);
}

TEST(DiffusionSampler, DrawsByTheAveragedParameters) {
  const std::unique_ptr<Cdrl> averaged = gaussian_learner(test_backend(), two_by_two, told, averaging());
  CdrlSettings c = averaging();
  c.energy.average_half_life = c.initialiser.average_half_life = 0;
  const std::unique_ptr<Cdrl> plain = gaussian_learner(test_backend(), two_by_two, told, c);
  learn(*averaged, 0, 3);
  learn(*plain, 0, 3);
  const std::vector<std::string> parts = {"energy.0", "energy.1", "initialiser.0", "initialiser.1"};
  for (const std::string &part : parts)
    EXPECT_EQ(state_of(*plain, part + ".bias"), state_of(*averaged, part + ".bias")) << "they learn alike";
  EXPECT_NE(draw(*plain, 2).samples, draw(*averaged, 2).samples);
  for (const std::string &part : parts)
    for (const std::string &name : {part + ".filters", part + ".bias"})
      set_state(*plain, name, state_of(*averaged, average_of(name)));
  EXPECT_EQ(draw(*plain, 2).samples, draw(*averaged, 2).samples);
  EXPECT_EQ(plain->log_densities({1, 2, 3, 4}), averaged->log_densities({1, 2, 3, 4}));
  const auto shown = [](Cdrl &learner) { return values(test_backend(), learner.samples().at(1).second); };
  EXPECT_EQ(shown(*plain), shown(*averaged));
}

}  // namespace
}  // namespace coopnets
