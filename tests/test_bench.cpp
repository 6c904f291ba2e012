#include "app/bench.h"

#include <cmath>

#include "json_check.h"
#include "program.h"

namespace coopnets {
namespace {

// "key": NUMBER in a line of JSON; NaN where there is none.
double number(const std::string &json, const std::string &key) {
  const size_t at = json.find("\"" + key + "\": ");
  return at == std::string::npos ? std::nan("") : std::strtod(json.c_str() + at + key.size() + 4, nullptr);
}

TEST(Bench, prints_one_line_of_json_a_net) {
  const Outcome o = run_program(
      {"--bench", "digits", "--iterations", "1", "--threads", "1", "--set", "chains=2", "batch=3", "langevin_steps=4"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err.compare(0, 8, "on cpu, "), 0) << o.err;
  EXPECT_EQ(std::count(o.out.begin(), o.out.end(), '\n'), 1);
  const std::string keys =
      "{\"net\": \"digits\", \"device\": \"cpu\", \"mode\": \"coopnets\", \"precision\": \"fp32\", ";
  EXPECT_EQ(o.out.substr(0, keys.size()), keys);
  const std::string end = ", \"settings\": \"chains=2 batch=3 langevin_steps=4\"}\n";  // only where there are any
  ASSERT_GT(o.out.size(), end.size());
  EXPECT_EQ(o.out.substr(o.out.size() - end.size()), end);
  const std::string peer = read_file("tools/bench_pytorch.py");  // the same keys
  for (const char *key : {"net", "device", "mode", "precision", "threads", "seconds_per_iteration", "G0_D1_D2_G2",
                          "gflop_per_iteration", "gflop_per_second", "peak_MiB"}) {
    EXPECT_CONTAINS(peer, "\"" + std::string(key) + "\":");
    EXPECT_CONTAINS(o.out, "\"" + std::string(key) + "\": ");
  }
  const double seconds = number(o.out, "seconds_per_iteration"), work = number(o.out, "gflop_per_iteration");
  EXPECT_GT(seconds, 0);
  EXPECT_NEAR(number(o.out, "gflop_per_second"), work / seconds, 0.01 * work / seconds);
  EXPECT_GT(number(o.out, "peak_MiB"), 20);

  // Multiply-adds by hand. Descriptor: 14^2 (16 64) + 7^2 (16 64 128) + 4^2 (16 128 256) + 4^2 256 100. Generator:
  // 16 100 512 + 4^2 (16 512 256) + 7^2 (16 256 128) + 14^2 (16 128 1). 2 chains, 3 observed, L = 4.
  const double descriptor = 196. * 16 * 64 + 49. * 16 * 64 * 128 + 16. * 16 * 128 * 256 + 16. * 256 * 100;
  const double generator = 16. * 100 * 512 + 16. * 16 * 512 * 256 + 49. * 16 * 256 * 128 + 196. * 16 * 128;
  const double expected = 2 * (2 * generator + 2 * 4 * 2 * descriptor + 3 * 5 * descriptor + 3 * 2 * generator);
  EXPECT_NEAR(work, expected / 1e9, 0.005);
}

TEST(Bench, names_its_nets) {
  EXPECT_EQ(benchmarks(),
            (std::vector<std::string>{"digits", "scene", "texture", "video", "toy", "object", "cifar10", "celeba",
                                      "lsun", "completion", "dynamic-texture", "convolution", "all"}));
  // An experiment that is not among the four has the batch and the chains of its paper preset.
  const Outcome o = run_program({"--bench", "toy", "--iterations", "1", "--threads", "1"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "{\"net\": \"toy\", ");
  const Outcome fewer =
      run_program({"--bench", "toy", "--iterations", "1", "--threads", "1", "--set", "batch=512", "chains=512"});
  EXPECT_EQ(number(o.out, "gflop_per_iteration"), number(fewer.out, "gflop_per_iteration"));
}

TEST(Bench, TimesTheConvolutionStepByStep) {
  const Outcome o = run_program({"--bench", "convolution", "--iterations", "1", "--threads", "2", "--json"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_TRUE(is_json(o.out)) << o.out;
  std::vector<double> ms;
  for (size_t at = 0; (at = o.out.find("\"ms\": ", at)) != std::string::npos;) ms.push_back(std::atof(&o.out[at += 6]));
  ASSERT_EQ(ms.size(), 7u) << o.out;
  const size_t last = o.out.rfind("\"times the first\": ");
  EXPECT_NEAR(std::atof(&o.out[last + 19]), ms[0] / ms[6], 1e-3 * ms[0] / ms[6]);
  EXPECT_GT(ms[0], 2 * ms[3]) << "plain loops are slower than blocks, however busy the machine";
  const Outcome refused = run_program({"--bench", "convolution", "--set", "batch=3"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_CONTAINS(refused.err, "is of one layer alone");
  EXPECT_EQ(run_program({"--bench", "convolution", "--device", "cpu"}).status, 2);
}

}  // namespace
}  // namespace coopnets
