#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "numerics/helpers.h"
#include "numerics/pointwise_cases.h"

namespace coopnets {
namespace {

class Dropout : public testing::Test {
 protected:
  void TearDown() override { test_backend().set_clock({}); }
};

const RandomKey dropout_key = {77, Purpose::test};

// Element 4 block + j takes word j of the block.
TEST_F(Dropout, KeepsTheElementsThatTheRandomWordsTell) {
  for (const Shape &shape : shapes)
    for (const auto &[iteration, index] : {std::pair<int64_t, int64_t>{0, 0}, {1, 0}, {0, 1}, {int64_t{1} << 40, 29}})
      for (const double keep : {0.125, 0.5, 0.75}) {
        const std::vector<real> a = random_values(shape.size(), 1);
        const Guarded x(shape, a), y(shape);
        test_backend().set_clock({iteration, 0.5});  // the schedule of the rates has no say
        test_backend().dropout(x, real(keep), dropout_key, index, y);
        const std::vector<real> got = y.values();
        ASSERT_EQ(got.size(), a.size());
        for (size_t i = 0; i < a.size(); ++i) {
          const Words words = random_block(dropout_key, uint64_t(iteration), uint32_t(index), i / 4);
          const double wanted = uniform(words.v[i % 4]) <= keep ? a[i] / keep : 0;
          ASSERT_NEAR(got[i], wanted, tolerance * std::fabs(wanted)) << shape.str() << ' ' << i;
        }
        EXPECT_EQ(x.values(), a);
        test_backend().dropout(x, real(keep), dropout_key, index, x);
        EXPECT_EQ(x.values(), got) << "in place";
      }
}

TEST_F(Dropout, KeepsItsShare) {
  const int64_t size = 20001;
  const Guarded x({1, 1, 1, 1, size}, std::vector<real>(size, 3)), y({1, 1, 1, 1, size});
  for (const double keep : {0.1, 0.5, 0.8}) {
    test_backend().dropout(x, real(keep), dropout_key, 5, y);
    double kept = 0;
    for (const real v : y.values()) kept += v != 0;
    EXPECT_NEAR(kept / size, keep, 4 * std::sqrt(keep * (1 - keep) / size));
  }
}

TEST_F(Dropout, BernoulliNumbersAreOneAsOftenAsTheirProbabilitySays) {
  for (const Shape &shape : shapes) {
    std::vector<real> probability(size_t(shape.size()));
    for (size_t i = 0; i < probability.size(); ++i) probability[i] = real(i % 5) / 4;
    const Guarded p(shape, probability), y(shape);
    test_backend().set_clock({3, 1});
    test_backend().bernoulli(p, dropout_key, 7, y);
    const std::vector<real> got = y.values();
    ASSERT_EQ(got.size(), probability.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const Words words = random_block(dropout_key, 3, 7, i / 4);
      ASSERT_EQ(got[i], real(uniform(words.v[i % 4]) <= float(probability[i]))) << shape.str() << ' ' << i;
    }
    test_backend().bernoulli(p, dropout_key, 7, p);
    EXPECT_EQ(p.values(), got) << "in place";
    EXPECT_THROW(test_backend().bernoulli(p, dropout_key, 7, Guarded({1, 1, 1, 1, shape.size() + 1})),
                 std::invalid_argument);
  }
}

// Masks of half the elements that have nothing to do with each other differ in half of them.
TEST_F(Dropout, EveryKeyIndexAndIterationHasItsOwnMask) {
  const int64_t size = 20001;
  const Guarded x({1, 1, 1, 1, size}, std::vector<real>(size, 3)), y({1, 1, 1, 1, size});
  const auto mask = [&](RandomKey key, int64_t index, int64_t iteration) {
    test_backend().set_clock({iteration, 1});
    test_backend().dropout(x, real(0.5), key, index, y);
    return y.values();
  };
  const std::vector<real> first = mask(dropout_key, 5, 2);
  EXPECT_EQ(mask(dropout_key, 5, 2), first);
  for (const std::vector<real> &other :
       {mask({78, Purpose::test}, 5, 2), mask({77, Purpose::mask}, 5, 2), mask(dropout_key, 6, 2),
        mask(dropout_key, 5, 3), mask(dropout_key, 5, int64_t{1} << 32)}) {
    double different = 0;
    for (int64_t i = 0; i < size; ++i) different += first[i] != other[i];
    EXPECT_NEAR(different / size, 0.5, 4 * std::sqrt(0.25 / size));
  }
}

TEST_F(Dropout, KeepingEverythingIsTheIdentity) {
  for (const Shape &shape : shapes) {
    const std::vector<real> a = random_values(shape.size(), 1);
    const Guarded x(shape, a), y(shape);
    test_backend().dropout(x, 1, dropout_key, 0, y);
    EXPECT_EQ(y.values(), a);
    test_backend().dropout(x, 1, dropout_key, 0, x);
    EXPECT_EQ(x.values(), a) << "in place";
  }
}

// What is dropped is 0 whatever it was, and what is kept stays NaN.
TEST_F(Dropout, KeptNanStays) {
  const Shape shape = {1, 1, 1, 1, 101};
  const Guarded x(shape, std::vector<real>(101, std::numeric_limits<real>::quiet_NaN())),
      ones(shape, std::vector<real>(101, 1));
  test_backend().dropout(x, real(0.5), dropout_key, 0, x);
  test_backend().dropout(ones, real(0.5), dropout_key, 0, ones);
  const std::vector<real> got = x.values(), mask = ones.values();
  for (size_t i = 0; i < 101; ++i) EXPECT_EQ(std::isnan(got[i]), mask[i] != 0) << i;
}

// Kernels that take several elements at once give the same wherever a tensor begins, and touch nothing beside it.
}  // namespace
}  // namespace coopnets
