// The descriptor's unnormalised density: f from a pass of its own, of any number of examples.
#include "learning/density.h"

#include <gtest/gtest.h>

#include <cmath>

#include "numerics/helpers.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

// f(x) = two responses of a linear layer, so that ln p = (w1 + w2).x + b1 + b2 - |x|^2 / (2 s^2).
TEST(Density, is_the_sum_of_all_responses_and_the_reference) {
  Backend &backend = test_backend();
  Network net(backend, "descriptor", linear_net(2), {{1, 1, 1, 1, 3}}, {5, Purpose::descriptor_weights}, 0.7);
  const std::vector<real> w = net.parameters()[0].value.values();
  net.parameters()[1].value.set_values({real(0.25), real(0.5)});
  const double s = 0.4;
  for (const int64_t count : {1, 4097}) {  // more than are computed at a time
    const std::vector<real> x = random_values(3 * count, 8);
    std::vector<double> wanted;
    for (int64_t k = 0; k < count; ++k) {
      double sum = 0.75;
      for (size_t i = 0; i < 3; ++i) {
        const double v = double(x[size_t(3 * k) + i]);
        sum += (double(w[2 * i]) + double(w[2 * i + 1])) * v - v * v / (2 * s * s);
      }
      wanted.push_back(sum);
    }
    EXPECT_LT(relative_error(log_density(net, s, x), wanted), tolerance) << count;
  }
  EXPECT_THROW(log_density(net, s, std::vector<real>(4)), std::invalid_argument);
  EXPECT_THROW(log_density(net, s, {}), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
