// Ranks, by threads of one process: what travels, the kernels that know of it, and learning by CDRL.
#include "tensor/ranks.h"

#include <gtest/gtest.h>

#include "numerics/gaussian_nets.h"
#include "numerics/ranks_learn.h"

namespace coopnets {
namespace {

TEST(Ranks, SharesAreAsEvenAsCanBeAndCoverTheBatch) {
  as_ranks(3, [](Ranks &ranks) {
    for (const int64_t all : {0, 1, 2, 3, 7, 144}) {
      int64_t next = 0;
      for (int r = 0; r < 3; ++r) {
        const Share share = ranks.share(all, r);
        EXPECT_EQ(share.first, next);
        EXPECT_LE(std::abs(double(share.count) - double(all) / 3), 1);
        next += share.count;
      }
      EXPECT_EQ(next, all);
      EXPECT_EQ(ranks.share(all).first, ranks.share(all, ranks.rank()).first);
    }
  });
  EXPECT_EQ(one_rank().share(5).count, 5);
}

// In the order of the ranks: another order would round otherwise.
TEST(Ranks, SumInTheirOrderWhateverTheSize) {
  for (const int count : {1, 2, 3})
    for (const int64_t size : {1, 5, 4096, 4097, 100001}) {
      std::vector<std::vector<float>> own;
      for (int r = 0; r < count; ++r) {
        const std::vector<real> values = random_values(size, unsigned(r), 0, std::pow(10, r));
        own.emplace_back(values.begin(), values.end());
      }
      std::vector<float> wanted = own[0];
      for (int r = 1; r < count; ++r)
        for (size_t i = 0; i < wanted.size(); ++i) wanted[i] += own[size_t(r)][i];
      as_ranks(count, [&](Ranks &ranks) {
        std::vector<float> mine = own[size_t(ranks.rank())];
        ranks.sum(mine.data(), size);
        EXPECT_EQ(mine, wanted) << count << ' ' << size;
      });
    }
}

TEST(Ranks, GatherWhatDiffersInLengthAndBroadcast) {
  as_ranks(3, [](Ranks &ranks) {
    const std::string texts[] = {"ab", "", "cde"};
    char all[6] = {};
    ranks.gather(texts[ranks.rank()].data(), {2, 0, 3}, all);
    EXPECT_STREQ(all, "abcde");
    int64_t number = 10 + ranks.rank();
    ranks.broadcast(&number, sizeof number);
    EXPECT_EQ(number, 10);
    number = 10 + ranks.rank();
    ranks.broadcast(&number, sizeof number, 2);
    EXPECT_EQ(number, 12);
  });
}

TEST(Ranks, TensorsAreSummedTogetherAndBatchesMadeWhole) {
  as_ranks(3, [](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    const Tensor a(*backend, {1, 1, 1, 1, 3}, {1, 2, real(ranks.rank())}), b(*backend, {1, 1, 1, 1, 1}, {5});
    sum_over_ranks(*backend, {a, b});
    EXPECT_EQ(a.values(), (std::vector<real>{3, 6, 3}));
    EXPECT_EQ(b.values(), (std::vector<real>{15}));
    const Share share = ranks.share(4);
    std::vector<real> own;
    for (int64_t i = share.first; i < share.first + share.count; ++i) own.insert(own.end(), {real(i), real(-i)});
    const Tensor part(*backend, {share.count, 1, 1, 1, 2}, own);
    Tensor whole;
    EXPECT_EQ(values(*backend, whole_batch(*backend, part, 4, whole)), (std::vector<real>{0, 0, 1, -1, 2, -2, 3, -3}));
  });
}

// A part of a batch draws what the whole draws there, wherever in a block of four numbers it begins.
TEST(Ranks, APartOfABatchHasTheNumbersOfTheWhole) {
  Backend &backend = test_backend();
  backend.set_clock({3, 1});
  for (const int64_t size : {1, 2, 3, 4, 7, 1001}) {
    const Shape shape{5, 1, 1, 1, size};
    const std::vector<real> start = random_values(shape.size(), 2), half(static_cast<size_t>(shape.size()), real(0.5));
    const auto drawn = [&](int64_t first, int64_t count) {
      const RandomKey key{9, Purpose::test, first};
      const auto part = [&](const std::vector<real> &all) {
        const auto from = all.begin() + first * size;
        return Guarded(shape.with_n(count), {from, from + count * size});
      };
      const Guarded normal(shape.with_n(count)), moved = part(start), dropped = part(start), coins = part(half);
      backend.fill_normal(normal, 1, 2, key, 4);
      LangevinStep step{real(0.3), real(0.8), real(0.2), key, 2};
      backend.langevin(moved, part(half), step);
      backend.dropout(dropped, real(0.5), key, 1, dropped);
      backend.bernoulli(coins, key, 6, coins);
      return std::vector<std::vector<real>>{normal.values(), moved.values(), dropped.values(), coins.values()};
    };
    const auto whole = drawn(0, 5);
    for (const int64_t first : {1, 3}) {
      const auto part = drawn(first, 2);
      for (size_t i = 0; i < whole.size(); ++i)
        EXPECT_EQ(part[i], std::vector<real>(whole[i].begin() + first * size, whole[i].begin() + (first + 2) * size))
            << size << ' ' << first << ' ' << i;
    }
  }
}

// y, mean and inverse deviation, dx and the sums over ranks of dscale and dshift are those of the whole batch.
TEST(Ranks, BatchNormIsOfTheWholeBatch) {
  const Shape shape{7, 1, 3, 5, 19}, channels{1, 1, 1, 1, 19};
  const std::vector<real> x = random_values(shape.size(), 1, 3, 2), dv = random_values(shape.size(), 2),
                          scale = random_values(19, 3, 1), shift = random_values(19, 4);
  const auto results = [&](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    const Share share = ranks.share(shape.n);
    const auto part = [&](const std::vector<real> &all) {
      const auto from = all.begin() + share.first * shape.example();
      return Tensor(*backend, shape.with_n(share.count), {from, from + share.count * shape.example()});
    };
    const Tensor own = part(x), own_dv = part(dv), a(*backend, channels, scale), b(*backend, channels, shift);
    const Tensor y(*backend, own.shape()), dx(*backend, own.shape());
    const Tensor mean(*backend, channels), inverse(*backend, channels), da(*backend, channels), db(*backend, channels);
    backend->batch_norm_forward(own, a, b, real(1e-3), {Activation::leaky_relu, real(0.2)}, y, mean, inverse);
    backend->batch_norm_backward(own, own_dv, a, mean, inverse, dx, da, db);
    sum_over_ranks(*backend, {da, db});
    Tensor whole_y, whole_dx;
    return std::vector<std::vector<real>>{
        values(*backend, whole_batch(*backend, y, shape.n, whole_y)),   mean.values(), inverse.values(),
        values(*backend, whole_batch(*backend, dx, shape.n, whole_dx)), da.values(),   db.values()};
  };
  const auto wanted = results(one_rank());
  for (const int count : {2, 3})
    as_ranks(count, [&](Ranks &ranks) {
      const auto got = results(ranks);
      for (size_t i = 0; i < wanted.size(); ++i) EXPECT_LE(relative_error(got[i], wanted[i]), tolerance) << i;
    });
}

TEST(RanksLearnCdrl, WhatOneLearns) {
  CdrlSettings s;
  s.levels = 2;
  s.batch = 10;  // five examples of each level; a rank has some of one or of both
  s.langevin_steps = 3;
  s.classes = 3;
  s.label_dropout = 0.4;
  s.data_weight = 0.3;
  s.decorrelate = true;
  s.energy.rule = s.initialiser.rule = OptimizerSettings::momentum;
  s.energy.rate = 0.05;
  s.energy.gradient_bound = 0.5;
  s.initialiser.rate = 0.02;
  const Shape example{1, 1, 1, 1, 3};  // not four times as many numbers
  const auto learn = [&](Ranks &ranks) {
    const std::unique_ptr<Backend> backend = make_test_backend();
    backend->set_ranks(ranks);
    const std::unique_ptr<Cdrl> learner = gaussian_learner(*backend, example, 4 + 3, s);
    return learned(*backend, *learner, 0, 3, [&](int64_t i) {
      return Batch{random_values(30, unsigned(i)), {}, {0, 1, 2, 0, 1, 2, 0, 1, 2, 0}};
    });
  };
  const Values wanted = learn(one_rank());
  for (const int count : {2, 3, 6}) expect_close(learned_by(count, learn), wanted);
  EXPECT_THROW(as_ranks(11, learn), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
