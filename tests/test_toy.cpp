// Points of the plane, the first thing to run: what is learned of each density, and all that the program does with them.
#include <cmath>
#include <map>

#include "app/npy.h"
#include "cpu/cpu.h"
#include "data/bytes.h"
#include "data/densities.h"
#include "experiments/examples.h"
#include "experiments/model.h"
#include "json_check.h"
#include "learning/sampler.h"
#include "metrics/kernel_distance.h"
#include "program.h"
#include "rivals/rival.h"

namespace coopnets {
namespace {

// A run of some seconds: half the chains of the quick preset and fewer iterations. Nets that have learned nothing are
// further from the data than `untaught`, and the descriptor's samples must come within `taught`; real points have 1. Seen
// by both nets and by the descriptor alone: 1.7 and 2.1, 2.7 and 2.3, 3.0 and 3.7.
struct Bound {
  double taught, untaught;
};
const std::map<std::string, Bound> bounds = {
    {"checkerboard", {2.7, 3}}, {"rings", {3.3, 3.5}}, {"eight-gaussians", {4.8, 6}}};
constexpr int64_t measured = 2000;

Settings small_settings(const std::string &density, Algorithm algorithm) {
  Settings s = for_algorithm(find_experiment("toy").settings("quick"), algorithm);
  s.set_all("batch=128 chains=128 iterations=600 density=" + density);
  return s;
}

double distance(const std::vector<real> &made, const Settings &s) {
  const std::vector<real> data = draw_points(s.density, s.examples, measured, 1);
  return KernelDistance(Samples(measured, 2, {data.begin(), data.end()}))
      .ratio(Samples(measured, 2, {made.begin(), made.end()}));
}

// Of samples of the nets, made by new chains.
double distance(Model &model, Backend &backend, const Settings &s, Algorithm algorithm) {
  const LearningSettings learning = learning_settings(s, algorithm, 5, s.examples);
  std::vector<real> revised;
  const auto keep = [&](int64_t, const std::vector<real> &, const std::vector<real> &better) {
    revised.insert(revised.end(), better.begin(), better.end());
  };
  if (algorithm == Algorithm::cooperative)
    Sampler(backend, model.descriptor.get(), *model.generator, latent_shapes(s), 500, Statistics::batch)
        .draw(learning, measured, keep);
  else
    Sampler(backend, *model.descriptor, {1, 1, 1, 1, 2}, 500, Statistics::batch).draw(learning, measured, keep);
  return distance(revised, s);
}

class Toy : public testing::TestWithParam<std::tuple<std::string, Algorithm>> {};

TEST_P(Toy, samples_come_near_the_data) {
  const auto &[density, algorithm] = GetParam();
  const Settings s = small_settings(density, algorithm);
  const Experiment &toy = find_experiment("toy");
  const std::unique_ptr<Backend> backend = make_cpu_backend(0);
  Model model = make_model(*backend, toy, s, 1);
  EXPECT_GT(distance(model, *backend, s, algorithm), bounds.at(density).untaught);
  const std::unique_ptr<Examples> examples = open_examples(toy, s, "", 1, {});
  Cooperative learner(*backend, model.descriptor.get(), model.generator.get(),
                      learning_settings(s, algorithm, 1, s.examples), s.examples);
  for (int64_t i = 0; i < s.iterations; ++i) {
    learner.iterate(i, rate_factor(s, i), {examples->batch(i, s.batch), examples->batch_indices(i, s.batch), {}});
    if (i % 50 == 49) learner.take_readings();  // which throws where learning has failed
  }
  const double learned = distance(model, *backend, s, algorithm);
  RecordProperty("distance", std::to_string(learned));
  EXPECT_LT(learned, bounds.at(density).taught);
}

INSTANTIATE_TEST_SUITE_P(All, Toy,
                         testing::Combine(testing::ValuesIn(density_names()),
                                          testing::Values(Algorithm::cooperative, Algorithm::descriptor)),
                         [](const auto &info) {
                           std::string name = std::get<0>(info.param);
                           if (name == "eight-gaussians") name = "gaussians";
                           return name + (std::get<1>(info.param) == Algorithm::descriptor ? "_descriptor" : "_both");
                         });

double distance(ChainLearner &learner, const Settings &s) {
  LearningSettings drawing;
  drawing.seed = 5;
  std::vector<real> samples;
  learner.draw(drawing, measured, [&](int64_t, const std::vector<real> &some, const std::vector<real> &) {
    samples.insert(samples.end(), some.begin(), some.end());
  });
  return distance(samples, s);
}

// By three levels of noise and half the batch of the quick preset; seen were 1.9, 2.4 and 4.6.
TEST(ToyByCdrl, samples_come_near_the_data) {
  const std::map<std::string, Bound> bounds_of_cdrl = {
      {"checkerboard", {2.7, 4}}, {"rings", {3.4, 5}}, {"eight-gaussians", {6.4, 8}}};
  const Experiment &toy = find_experiment("toy");
  const Rival &cdrl = *find_rival("cdrl");
  const std::unique_ptr<Backend> backend = make_cpu_backend(0);
  for (const auto &[density, bound] : bounds_of_cdrl) {
    SCOPED_TRACE(density);
    Settings s = rival_settings(cdrl, toy, "quick");
    s.set_all("levels=3 batch=120 iterations=600 density=" + density);
    const std::unique_ptr<ChainLearner> learner = cdrl.chain({*backend, example_shape(toy, s), s, 1});
    EXPECT_GT(distance(*learner, s), bound.untaught);
    const std::unique_ptr<Examples> examples = open_examples(toy, s, "", 1, {});
    for (int64_t i = 0; i < s.iterations; ++i) {
      learner->iterate(i, rate_factor(s, i), {examples->batch(i, s.batch), {}, {}});
      if (i % 50 == 49) learner->take_readings();
    }
    EXPECT_LT(distance(*learner, s), bound.taught);
  }
}

class ToyRun : public FolderTest {
 protected:
  Arguments with(const Arguments &more) const {
    return Arguments{"--exp", "toy", "--out", folder, "--threads", "1"} + more;
  }
  Outcome train(int iterations, const Arguments &more = {}) const {
    const Arguments small = {
        "--iterations", std::to_string(iterations), "--set", "batch=16", "chains=16", "examples=500", "halvings=0",
        "averaging=0"};
    return run_program(with(small + more));
  }
  std::string path(const std::string &file, const std::string &name = "default") const {
    return folder + "/toy/" + name + '/' + file;
  }
};

TEST_F(ToyRun, is_drawn_and_measured) {
  const Outcome o = train(2);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out, "500 examples of 1x1x1x1x2");
  EXPECT_CONTAINS(o.out, "Distance to the density 'checkerboard'");
  for (const char *row : {"\n  generator ", "\n  descriptor ", "\n  other real points "}) EXPECT_CONTAINS(o.out, row);
  EXPECT_CONTAINS(o.out, "comparison.png shows data, generator, descriptor, energy side by side");
  for (const char *file : {"observed.png", "samples/iteration_000001_generator.png",
                           "samples/iteration_000002_descriptor.png", "samples/iteration_000002_energy.png"})
    EXPECT_EQ(load_image(path(file)).shape(), (Shape{1, 1, label_height(384) + 384, 384, 3})) << file;
  EXPECT_EQ(load_image(path("comparison.png")).width, 4 * 384 + 3 * 8);
  EXPECT_EQ(load_image(path("evolution.png")).width, 3 * 384 + 2 * 8);
  EXPECT_CONTAINS(read_file(path("report.html"), 1 << 26), "sheet-energy");
  const std::string report = read_file(path("evaluation.json"));
  EXPECT_NEAR(reported(report, "Distance", "other real points", "distance"), 1, 0.5);
  EXPECT_GT(reported(report, "Distance", "descriptor", "distance"), 1.5);
  EXPECT_GT(reported(report, "Distance", "descriptor", "KL in nats"), 0);
  EXPECT_TRUE(std::isnan(reported(report, "Distance", "generator", "KL in nats")));
}

// A density has a run of its own, and each algorithm draws what it has.
TEST_F(ToyRun, of_each_algorithm) {
  for (const auto &[algorithm, kinds] :
       {std::pair<const char *, std::set<std::string>>{"descriptor", {"descriptor", "energy"}},
        {"persistent-cd", {"descriptor", "energy"}},
        {"generator", {"generator"}}}) {
    const Outcome o = train(1, {"density=rings", "--algorithm", algorithm, "--overwrite", "--quiet"});
    ASSERT_EQ(o.status, 0) << algorithm << o.err;
    EXPECT_EQ(o.out, "");
    for (const std::string kind : {"generator", "descriptor", "energy"})
      EXPECT_EQ(std::filesystem::exists(path("samples/iteration_000001_" + kind + ".png", "rings")),
                kinds.count(kind) > 0)
          << algorithm << ' ' << kind;
    EXPECT_EQ(load_image(path("comparison.png", "rings")).width, int64_t(kinds.size()) * 392 + 384);
  }
}

TEST_F(ToyRun, resumes_exactly_and_repeats) {
  const auto checkpoint = [&](const char *name) { return read_file(path("checkpoint.safetensors", name), 1 << 26); };
  ASSERT_EQ(train(4, {"--name", "straight"}).status, 0);
  ASSERT_EQ(train(2, {"--name", "resumed"}).status, 0);
  EXPECT_FALSE(checkpoint("resumed") == checkpoint("straight"));
  ASSERT_EQ(train(4, {"--name", "resumed", "--resume"}).status, 0);
  EXPECT_TRUE(checkpoint("resumed") == checkpoint("straight"));
  ASSERT_EQ(train(4, {"--name", "other", "--seed", "2"}).status, 0);
  EXPECT_FALSE(checkpoint("other") == checkpoint("straight"));
}

TEST_F(ToyRun, is_sampled_and_evaluated) {
  ASSERT_EQ(train(1).status, 0);
  const Outcome drawn = run_program(with({"--sample", "300"}));
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_CONTAINS(drawn.out, "300 points are in ");
  EXPECT_EQ(load_image(path("sampled/descriptor.png")).width, 384);
  EXPECT_FALSE(std::filesystem::exists(path("sampled/descriptor_000000.png")));
  ASSERT_EQ(run_program(with({"--sample", "300", "--save", "npy"})).status, 0);
  const NpyArray array = parse_npy(read_bytes(path("sampled/generator.npy")), "generator.npy");
  EXPECT_EQ(array.shape, (std::vector<int64_t>{300, 1, 1, 2}));
  for (const double x : array.values) EXPECT_LE(std::abs(x), 1);

  const Outcome evaluated = run_program(with({"--evaluate", "--samples", "100"}));
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_CONTAINS(evaluated.out, "between 100 samples");
  EXPECT_CONTAINS(
      failure_of(with({"--evaluate", "--set", "density=rings", "--checkpoint", path("checkpoint.safetensors")})),
      "was trained with density='checkerboard', not 'rings'");
}

// Standard output is the log's alone, or the tables', as was asked.
TEST_F(ToyRun, speaks_json) {
  const Outcome learned = train(2, {"--log", "json"});
  ASSERT_EQ(learned.status, 0) << learned.err;
  EXPECT_CONTAINS(learned.err, "Distance to the density 'checkerboard'");
  std::istringstream lines(learned.out);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_TRUE(is_json(line)) << line;
  EXPECT_GT(count, 0);
  const Outcome evaluated = run_program(with({"--evaluate", "--samples", "100", "--json"}));
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_TRUE(is_json(evaluated.out)) << evaluated.out;
  EXPECT_CONTAINS(evaluated.out, "\"other real points\"");
}

TEST_F(ToyRun, refuses_what_points_have_no_use_for) {
  EXPECT_CONTAINS(failure_of(with({"--data", folder})), "draws its points (--set density=checkerboard, rings or ");
  EXPECT_CONTAINS(failure_of(with({"--set", "examples=0"})), "draws from 1 to 10000000 points, not 0");
  EXPECT_CONTAINS(failure_of(with({"--set", "size=2"}), 2), "the setting size does nothing in the experiment 'toy'");
  EXPECT_CONTAINS(failure_of(with({"--set", "density=squares"}), 2), "takes checkerboard, rings or eight-gaussians");
  EXPECT_CONTAINS(failure_of({"--exp", "scene", "--data", folder, "--set", "density=rings"}, 2),
                  "density does nothing");
  EXPECT_CONTAINS(failure_of(with({"--algorithm", "dcgan"})), "it has no experiment 'toy'");
  EXPECT_CONTAINS(failure_of(with({"--table", "2"}), 2), "--table is of pictures");
  ASSERT_EQ(train(1).status, 0);
  EXPECT_CONTAINS(failure_of(with({"--interpolate"})), "--interpolate is for pictures");
  EXPECT_CONTAINS(failure_of(with({"--complete"})), "--complete is for pictures");
}

}  // namespace
}  // namespace coopnets
