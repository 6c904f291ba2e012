// What holds for each rival: it goes on exactly from its state, fits every experiment with pictures, and refuses
// others.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "cpu/cpu.h"
#include "experiments/nets.h"
#include "files.h"
#include "normal_number.h"
#include "numerics/ranks_learn.h"
#include "rivals/rival.h"

namespace coopnets {
namespace {

// A learner of each rival on pictures of digits' size, with its nets.
struct Whole {
  RivalModel model;
  std::unique_ptr<Learner> learner;
  Whole(Backend &backend, const Rival &rival, const Settings &s) {
    const Experiment &e = find_experiment("digits");
    if (rival.chain) {
      learner = rival.chain({backend, example_shape(e, s), s, 1});
      return;
    }
    model = make_rival(backend, rival, e, s, 1);
    learner = rival.learner({backend, *model.generator, *model.partner, s, 1});
  }
  void learn(int64_t first, int64_t last) const {
    for (int64_t i = first; i < last; ++i) {
      Batch batch;
      for (int64_t k = 0; k < learner->batch() * 28 * 28; ++k)
        batch.examples.push_back(std::tanh(normal_number(k, uint32_t(i))));
      learner->iterate(i, 1, batch);
    }
  }
};

// All that the next iteration depends on is in state(): a learner that gets it goes on as the first would have.
TEST(AllRivals, GoOnExactlyFromTheirState) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(2);
  for (const Rival &rival : rivals()) {
    SCOPED_TRACE(rival.name);
    Settings s = rival_settings(rival, find_experiment("digits"), "quick");
    s.set_all("width=4 levels=1 batch=5 chains=5 latent=14 iterations=6 critic_steps=2");
    const Whole straight(*backend, rival, s), first(*backend, rival, s), second(*backend, rival, s);
    straight.learn(0, 5);
    first.learn(0, 3);
    first.learner->samples();  // which changes nothing
    const NamedViews from = first.learner->state(), to = second.learner->state();
    ASSERT_EQ(from.size(), to.size());
    for (size_t i = 0; i < from.size(); ++i) {
      EXPECT_EQ(from[i].first, to[i].first);
      for (size_t j = 0; j < i; ++j) EXPECT_NE(from[i].first, from[j].first) << "two tensors of one name";
      backend->copy(from[i].second, to[i].second);
    }
    second.learn(3, 5);
    const NamedViews wanted = straight.learner->state();
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_EQ(values(*backend, to[i].second), values(*backend, wanted[i].second)) << wanted[i].first;
  }
}

// A batch of seven, which neither two nor three ranks divide evenly.
TEST(AllRivals, LearnByRanksWhatOneLearnsOrRefuseThem) {
  for (const Rival &rival : rivals()) {
    SCOPED_TRACE(rival.name);
    Settings s = rival_settings(rival, find_experiment("digits"), "quick");
    s.set_all("width=4 levels=1 batch=7 chains=7 latent=14 iterations=6 critic_steps=2 optimizer=momentum");
    const auto learn = [&](Ranks &ranks) {
      const std::unique_ptr<Backend> backend = make_cpu_backend(1);
      backend->set_ranks(ranks);
      const Whole whole(*backend, rival, s);
      whole.learn(0, 2);
      return learned(*backend, *whole.learner);
    };
    if (rival.one_rank) {
      EXPECT_THROW(as_ranks(2, learn), std::invalid_argument);
      continue;
    }
    const Values wanted = learn(one_rank());
    // Where a gradient is nearly 0, Adam and RMSprop make steps of what rounding leaves of it.
    const bool adam = rival.name != "gan";
    for (const int count : {2, 3})
      expect_close(learned_by(count, learn), wanted, adam ? 0.02 : 1e-4, adam ? 1e-3 : 1e-4);
  }
}

// Passes of each iteration, in batches: forwards and backwards, counted by hand from the steps of each.
TEST(AllRivals, CountTheirNetworkPasses) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  const std::vector<int64_t> of_gans(6, 8);
  const std::map<std::string, std::vector<int64_t>> wanted = {
      {"dcgan", of_gans},
      {"ebgan", of_gans},
      {"infogan", of_gans},
      {"ddgm", of_gans},
      {"wgan", std::vector<int64_t>(6, 5)},  // and 4 more where the generator steps
      {"vae", std::vector<int64_t>(6, 4)},
      {"gan", std::vector<int64_t>(6, 7)},
      {"dbn", {5, 5, 7, 7, 37, 37}},
      {"cae", {2, 2, 2, 4, 4, 4}},
      {"gsn", std::vector<int64_t>(6, 8)},
      {"cdrl", std::vector<int64_t>(6, 2 + 2 * 2 + 4)}};
  for (const Rival &rival : rivals()) {
    SCOPED_TRACE(rival.name);
    Settings s = rival_settings(rival, find_experiment("digits"), "quick");
    s.set_all("width=4 levels=1 batch=5 chains=5 latent=14 iterations=6");
    const Whole whole(*backend, rival, s);
    for (int64_t i = 0; i < 6; ++i) {
      const int64_t before = backend->passes();
      whole.learn(i, i + 1);
      EXPECT_EQ(backend->passes() - before, 5 * wanted.at(rival.name).at(size_t(i))) << i;
    }
    if (rival.name != "wgan") continue;
    const int64_t before = backend->passes();
    whole.learn(99, 100);
    EXPECT_EQ(backend->passes() - before, 5 * (5 + 4));
  }
}

// Whatever a rival's own settings are, there are such.
TEST(AllRivals, UseSettingsThatThereAre) {
  for (const Rival &rival : rivals()) {
    SCOPED_TRACE(rival.name);
    std::istringstream words(rival.uses);
    for (std::string word; words >> word;) EXPECT_NO_THROW(Settings().get(word)) << word;
    const std::vector<std::string> unused = unused_settings(rival.name);
    for (const std::string &word : unused) EXPECT_FALSE(contains(' ' + rival.uses + ' ', ' ' + word + ' ')) << word;
  }
  const std::vector<std::string> unused = unused_settings("cooperative");
  EXPECT_EQ(std::count(unused.begin(), unused.end(), "clip"), 1);
  EXPECT_EQ(std::count(unused.begin(), unused.end(), "langevin_steps"), 0);
}

// Each rival fits the nets of every preset of every experiment with pictures.
TEST(AllRivals, FitEveryExperiment) {
  for (const Rival &rival : rivals())
    for (const Experiment &e : experiments()) {
      if (rival.chain || e.data == DataKind::texture || e.data == DataKind::video || e.data == DataKind::points)
        continue;
      for (const Preset &preset : e.presets) {
        const Settings s = rival_settings(rival, e, preset.name);
        const Shape example = example_shape(e, s);
        const Sketch g =
            sketch(rival_generator(rival, e, s), "generator", find_net(Net::generator, s.generator).latent(s));
        EXPECT_EQ(g.outputs.at(0).str(), example.str()) << rival.name << ", " << e.name << ", " << preset.name;
        std::vector<Shape> seen = rival.partner_inputs(example, s);
        for (Shape &shape : seen) shape.n = 4;
        EXPECT_NO_THROW(sketch(rival.partner_net(s, 1), rival.partner, seen)) << rival.name << ", " << e.name;
      }
    }
}

TEST(AllRivals, RefuseWhatTheyCannotLearn) {
  for (const char *name : {"texture", "dynamic-texture", "toy"})
    EXPECT_CONTAINS(error_of([&] { rival_settings(dcgan(), find_experiment(name), "quick"); }),
                    "learns pictures of one size from a latent vector");
  EXPECT_CONTAINS(error_of([&] { rival_settings(dbn(), find_experiment("cifar10"), "quick"); }),
                  "learns digits, not pictures of 'cifar10'");
}

}  // namespace
}  // namespace coopnets
