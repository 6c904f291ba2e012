#include "app/profile.h"

#include <algorithm>
#include <cmath>

#include "json_check.h"
#include "numerics/learners.h"
#include "program.h"

namespace coopnets {
namespace {

// One iteration of the small nets: 3 observed examples, 4 chains, L = 4, Lz = 2.
struct Profiled {
  SmallNets nets{test_backend()};
  std::vector<StepProfile> steps;
  explicit Profiled(int64_t iterations) {
    const LearningSettings s = small_settings(Algorithm::cooperative);
    Cooperative learner(test_backend(), &nets.descriptor, &nets.generator, s, 3);
    learner.iterate(0, 1, {stripes(), {0, 1, 2}, {}});
    steps = profile(test_backend(), learner, iterations);
  }
  const StepProfile &step(const std::string &name) const {
    return *std::find_if(steps.begin(), steps.end(), [&](const StepProfile &s) { return s.name == name; });
  }
};

// "NAME: calls, multiply-adds x 2, elements read and written", in the order of the names.
std::vector<std::string> counts(const StepProfile &step) {
  std::vector<std::string> all;
  for (const Operation &o : step.operations)
    all.push_back(o.name + ": " + std::to_string(std::lround(o.calls)) + ", " + std::to_string(std::lround(o.flop)) +
                  ", " + std::to_string(std::lround(o.bytes / sizeof(real))));
  std::sort(all.begin(), all.end());
  return all;
}

const std::string d1 = "descriptor 1: conv 3x3 stride 2x2, leaky ReLU 0.2 -> 4x4 x 6: ";
const std::string d2 = "descriptor 2: conv 3x3 stride 2x2, leaky ReLU 0.2 -> 2x2 x 8: ";
const std::string d3 = "descriptor 3: fully connected -> 1x1 x 3: ";

// By hand. Of 4 chains: x 256, layer 1 384 of filters 54, layer 2 128 of 432, layer 3 12 of 96; 64, 16 and 4 positions.
TEST(Profile, counts_each_call_multiply_add_and_byte_of_step_D1) {
  const Profiled p(1);
  const std::vector<std::string> expected = {
      "Langevin step, descriptor: 4, 0, " + std::to_string(4 * 3 * 256),
      "conv, " + d1 + "4, " + std::to_string(4 * 2 * 54 * 64) + ", " + std::to_string(4 * (256 + 54 + 6 + 384)),
      "conv, " + d2 + "4, " + std::to_string(4 * 2 * 432 * 16) + ", " + std::to_string(4 * (384 + 432 + 8 + 128)),
      // what it gives is read in the first step and in the two of the Metropolis test
      "conv, " + d3 + "3, " + std::to_string(3 * 2 * 96 * 4) + ", " + std::to_string(3 * (128 + 96 + 3 + 12)),
      // what layers 1 and 2 gave is read for its derivative
      "conv, gradient of input, " + d1 + "4, " + std::to_string(4 * 2 * 54 * 64) + ", " +
          std::to_string(4 * (384 + 54 + 256)),
      "conv, gradient of input, " + d2 + "4, " + std::to_string(4 * 2 * 432 * 16) + ", " +
          std::to_string(4 * (128 + 432 + 2 * 384)),
      "conv, gradient of input, " + d3 + "4, " + std::to_string(4 * 2 * 96 * 4) + ", " +
          std::to_string(4 * (12 + 96 + 2 * 128))};
  EXPECT_EQ(counts(p.step("D1")), expected);
}

// Step D2 sees all 7 examples once, and asks for no gradient of them.
TEST(Profile, lists_every_operation_of_every_step) {
  const Profiled p(2);  // counts are those of one iteration
  std::string names;
  for (const StepProfile &step : p.steps) names += step.name + ' ';
  EXPECT_EQ(names, "G0 D1 G1 D2 G2 ");
  const std::vector<std::string> learn = counts(p.step("D2"));
  EXPECT_EQ(learn.size(), 12u);  // three layers and their filters and biases, two inputs, the optimiser
  const auto has = [](const std::vector<std::string> &all, const std::string &one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  EXPECT_TRUE(has(learn, "conv, gradient of filters, " + d2 + "1, " + std::to_string(2 * 432 * 28) + ", " +
                             std::to_string(7 * 32 + 7 * 96 + 432)));
  EXPECT_TRUE(has(learn, "conv, gradient of bias, " + d1 + "1, 0, " + std::to_string(7 * 96 + 6)));
  // Adam: values and two moments are read and written, gradients are read.
  EXPECT_TRUE(has(learn, "optimiser, descriptor: 1, 0, " + std::to_string(7 * (54 + 6 + 432 + 8 + 96 + 3))));

  const std::string g1 = "generator 1: deconv 2x2, batch norm, leaky ReLU 0.2 -> 2x2 x 6: ";
  const std::vector<std::string> make = counts(p.step("G0"));
  EXPECT_EQ(make.size(), 5u);
  EXPECT_TRUE(has(make, "deconv, " + g1 + "1, " + std::to_string(2 * 96 * 4) + ", " + std::to_string(16 + 96 + 96)));
  EXPECT_TRUE(has(make, "batch norm, " + g1 + "1, 0, " + std::to_string(96 + 6 + 6 + 96)));
  EXPECT_TRUE(has(counts(p.step("G1")), "Langevin step, generator: 2, 0, " + std::to_string(2 * 3 * 16)));
  const std::vector<std::string> infer = counts(p.step("G1"));
  EXPECT_TRUE(has(infer, "deconv, " + g1 + "3, " + std::to_string(3 * 2 * 96 * 4) + ", " + std::to_string(3 * 208)));
}

TEST(Profile, the_parts_add_up_to_the_whole) {
  const Profiled p(1);
  for (const StepProfile &step : p.steps) {
    double sum = step.rest, before = step.operations[0].seconds;
    for (const Operation &o : step.operations) {
      EXPECT_GT(o.seconds, 0) << o.name;
      EXPECT_LE(o.seconds, before) << o.name;  // the longest first
      sum += before = o.seconds;
    }
    EXPECT_NEAR(sum, step.seconds, 1e-9) << step.name;
    EXPECT_GT(step.rest, 0) << step.name;
  }
}

// At 100 GFLOP/s and 10 GB/s: 2 GFLOP take 20 ms and 0.1 GB take 10; 0.05 GB take 5.
TEST(Profile, shares_of_the_peak_are_of_what_bounds) {
  const StepProfile step{
      "D1", {{"product", 0.04, 3, 2e9, 0.1e9}, {"sum", 0.01, 1, 0, 0.05e9}, {"short", 1e-6, 2, 0, 8}}, 0.01, 0.06};
  const Table table = table_of(step, {"", 100e9, 10e9});
  EXPECT_EQ(table.columns.back(), "% of peak");
  ASSERT_EQ(table.rows.size(), 5u);
  const std::vector<double> product = {40, 100 * 0.04 / 0.06, 3, 2, 100, 50, 2.5, 50};
  for (size_t i = 0; i < product.size(); ++i) EXPECT_NEAR(table.rows[0].cells[i], product[i], 1e-9) << i;
  EXPECT_TRUE(std::isnan(table.rows[1].cells[5]));  // no multiply-adds
  EXPECT_NEAR(table.rows[1].cells[7], 50, 1e-9);
  for (size_t i = 5; i < 8; ++i) EXPECT_TRUE(std::isnan(table.rows[2].cells[i]));  // less than a microsecond a call
  EXPECT_EQ(table.rows[3].name.compare(0, 8, "the rest"), 0);
  EXPECT_NEAR(table.rows[3].cells[0], 10, 1e-9);
  EXPECT_EQ(table.rows[4].name, "in all");
  const std::vector<double> all = {60, 100, 6, 2, 150.000008, 2 / 0.06, 0.150000008 / 0.06, 100 * 0.0250000008 / 0.06};
  for (size_t i = 0; i < all.size(); ++i) EXPECT_NEAR(table.rows[4].cells[i], all[i], 1e-9) << i;
}

TEST(Profile, peaks_are_those_of_one_thread_and_of_all) {
  const std::vector<Peak> peaks = measure_peaks(test_backend());
  ASSERT_FALSE(peaks.empty());
  EXPECT_TRUE(std::any_of(peaks.begin(), peaks.end(), [](const Peak &p) { return p.of == "1 thread"; }));
  for (const Peak &peak : peaks) {
    EXPECT_GT(peak.flop, 1e8) << peak.of;
    EXPECT_LT(peak.flop, 1e15) << peak.of;
    EXPECT_GT(peak.bytes, 1e7) << peak.of;
    EXPECT_LT(peak.bytes, 1e14) << peak.of;
  }
}

TEST(Profile, the_program_prints_a_table_a_step) {
  const Arguments small = {"--bench", "digits",   "--profile", "--iterations",    "1", "--threads", "1",
                           "--set",   "chains=2", "batch=3",   "langevin_steps=4"};
  const Outcome text = run_program(small);
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_CONTAINS(text.out, "Measured peak\n");
  EXPECT_CONTAINS(text.out, "  1 thread ");
  for (const char *step : {"\nG0\n", "\nD1\n", "\nD2\n", "\nG2\n"}) EXPECT_CONTAINS(text.out, step);
  EXPECT_CONTAINS(text.out, "conv, gradient of filters, descriptor 2: conv 4x4 stride 2x2");

  const Outcome json = run_program(small + Arguments{"--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_CONTAINS(json.out, "\"net\": \"digits\"");
  EXPECT_CONTAINS(json.out, "\"settings\": \"chains=2 batch=3 langevin_steps=4\"");
  // Both sweeps of L = 4 steps of 2 chains, as tests/test_bench.cpp counts them, less the last layer of one of them.
  const double last = 16. * 256 * 100, descriptor = 196. * 16 * 64 + 49. * 16 * 64 * 128 + 16. * 16 * 128 * 256 + last;
  EXPECT_NEAR(reported(json.out, "D1", "in all", "GFLOP"), 2 * 2 * (4 * 2 * descriptor - last) / 1e9, 1e-6);
}

TEST(Profile, goes_with_a_net_of_bench) {
  EXPECT_CONTAINS(run_program({"--bench", "all", "--profile", "--json"}).err, "--json shows the profile of one net");
  EXPECT_CONTAINS(failure_of({"--bench", "digit", "--profile"}, 2), "did you mean digits?");
  EXPECT_CONTAINS(failure_of({"--exp", "digits", "--profile"}, 2), "--profile goes with --bench");
  EXPECT_CONTAINS(failure_of({"--bench", "digits", "--json"}, 2), "--json goes with");
}

}  // namespace
}  // namespace coopnets
