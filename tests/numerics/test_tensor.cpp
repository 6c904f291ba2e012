#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "numerics/helpers.h"

namespace coopnets {
namespace {

TEST(Tensor, IsZeroAtFirst) {
  const Tensor x(test_backend(), {2, 1, 3, 5, 7});
  EXPECT_EQ(x.values(), std::vector<real>(210, 0));
  EXPECT_EQ(x.size(), 210);
}

TEST(Tensor, KeepsItsValues) {
  const std::vector<real> values = random_values(60, 1);
  Tensor x(test_backend(), {3, 1, 4, 5, 1}, values);
  EXPECT_EQ(x.values(), values);
  const std::vector<real> others = random_values(60, 2);
  x.set_values(others);
  EXPECT_EQ(x.values(), others);
  EXPECT_EQ(coopnets::values(test_backend(), View(x).examples(1, 2)),
            std::vector<real>(others.begin() + 20, others.end()));
  EXPECT_EQ(View(x).examples(1, 2).shape, (Shape{2, 1, 4, 5, 1}));
}

TEST(Tensor, RefusesAnotherNumberOfValues) {
  EXPECT_THROW(Tensor(test_backend(), {1, 1, 1, 2, 2}, {1, 2, 3}), std::invalid_argument);
  Tensor x(test_backend(), {1, 1, 1, 2, 2});
  EXPECT_THROW(x.set_values({1, 2, 3, 4, 5}), std::invalid_argument);
}

TEST(Tensor, GivesItsMemoryBack) {
  Backend &backend = test_backend();
  const size_t before = backend.bytes();
  {
    Tensor x(backend, {1, 1, 1, 1, 1000});
    EXPECT_EQ(backend.bytes(), before + 1000 * sizeof(real));
    const real *data = x.data();
    Tensor y = std::move(x);
    EXPECT_EQ(y.data(), data);
    EXPECT_EQ(backend.bytes(), before + 1000 * sizeof(real));
    y = Tensor(backend, {1, 1, 1, 1, 10});
    EXPECT_EQ(y.size(), 10);
  }
  EXPECT_EQ(backend.bytes(), before);
  EXPECT_GE(backend.peak_bytes(), before + 1000 * sizeof(real));
}

TEST(Tensor, IsEmptyByDefault) {
  const Tensor x;
  EXPECT_EQ(x.size(), 0);
  EXPECT_EQ(x.data(), nullptr);
}

#ifndef __SANITIZE_ADDRESS__  // which ends the program on a request of this size
TEST(Tensor, ThrowsWhenMemoryRunsOut) {
  const size_t before = test_backend().bytes();
  EXPECT_THROW(Tensor(test_backend(), {1, 1 << 20, 1 << 20, 1 << 10, 1}), std::runtime_error);
  EXPECT_EQ(test_backend().bytes(), before);
}
#endif

TEST(Readings, AreZeroAtFirst) {
  const Readings readings(test_backend(), 3);
  EXPECT_EQ(readings.count(), 3);
  EXPECT_EQ(readings.read(), std::vector<double>(3, 0.));
}

}  // namespace
}  // namespace coopnets
