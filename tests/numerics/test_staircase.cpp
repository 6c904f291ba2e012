// Each step of the convolutions' staircase against the plain loops in double.
#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "numerics/helpers.h"
#include "numerics/naive_conv.h"

namespace coopnets {
namespace {

TEST(Staircase, EachStepIsTheConvolution) {
  if (test_backend().info().name.rfind("cpu", 0) != 0) GTEST_SKIP() << "of the CPU alone";
  const Axis three{3, 1, 1, 1};
  const Window same{{}, three, three}, clip{three, {2}, {5, 2, 1, 2}};
  const NaiveConv shapes[] = {
      {{2, 1, 9, 11, 3}, same, 5}, {{1, 1, 17, 16, 48}, same, 64}, {{1, 4, 6, 13, 7}, clip, 33}};
  for (const NaiveConv &c : shapes) {
    const std::vector<real> x = random_values(c.x.size(), 1), w = random_values(c.w().size(), 2);
    const std::vector<double> wanted = c.forward(x, w);
    Tensor tx(test_backend(), c.x), tw(test_backend(), c.w()), ty(test_backend(), c.y());
    tx.set_values(x);
    tw.set_values(w);
    for (const ConvStair &stair : conv_staircase()) {
      test_backend().fill(ty, 99);
      stair.run(test_backend(), tx, tw, c.window, ty);
      const std::vector<real> got = ty.values();
      double worst = 0;
      for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(double(got[i]) - wanted[i]));
      EXPECT_LT(worst, sizeof(real) == 8 ? 1e-12 : 2e-4) << stair.name << ' ' << c.x.str();
    }
  }
}

}  // namespace
}  // namespace coopnets
