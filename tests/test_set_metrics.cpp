// Parzen windows, inception score, Frechet and kernel distance, precision, recall, density, coverage.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metrics/fid.h"
#include "metrics/inception_score.h"
#include "metrics/parzen.h"
#include "metrics/precision_recall.h"
#include "random_matrix.h"

namespace coopnets {
namespace {

Samples random_samples(int64_t n, int64_t d, unsigned seed, double scale = 1, double shift = 0) {
  const Matrix m = random_matrix(n, d, seed);
  Samples s(n, d);
  for (size_t i = 0; i < s.values.size(); ++i) s.values[i] = float(shift + scale * m.values[i]);
  return s;
}

Samples reversed(const Samples &s) {
  Samples r = s;
  for (int64_t i = 0; i < s.count; ++i) std::copy_n(s.row(i), s.dimension, r.row(s.count - 1 - i));
  return r;
}

double log_sigma_term(double sigma, double dimension) { return dimension * std::log(sigma * std::sqrt(2 * M_PI)); }

TEST(Distances, AgreeWithTheDefinitionAndAreZeroForEqualPoints) {
  const Samples x = random_samples(230, 300, 1, 3, 100), y = random_samples(50, 300, 2, 3, 100);
  int64_t seen = 0;
  visit_squared_distances(x, y, [&](int64_t first, const Matrix &tile) {
    for (int64_t i = 0; i < tile.rows; ++i, ++seen)
      for (int64_t j = 0; j < tile.cols; ++j) {
        double expected = 0;
        for (int k = 0; k < 300; ++k) expected += std::pow(double(x.row(first + i)[k]) - y.row(j)[k], 2);
        ASSERT_NEAR(tile(i, j), expected, 1e-7);
      }
  });
  EXPECT_EQ(seen, 230);
  visit_squared_distances(x, x, [&](int64_t first, const Matrix &tile) {
    for (int64_t i = 0; i < tile.rows; ++i) EXPECT_EQ(tile(i, first + i), 0);
  });
  // Next to equal ones: rounding does not make a distance negative.
  Samples beside = x;
  for (int64_t i = 0; i < x.count; ++i) beside.row(i)[i] = std::nextafter(beside.row(i)[i], 1000.f);
  visit_squared_distances(x, beside, [&](int64_t first, const Matrix &tile) {
    for (int64_t i = 0; i < tile.rows; ++i) EXPECT_GE(tile(i, first + i), 0);
  });
  EXPECT_THROW(inner_products(x, random_samples(2, 3, 1)), std::invalid_argument);
  EXPECT_THROW(Samples(2, 2, {1, 2, 3}), std::invalid_argument);
}

TEST(Distances, ComeInTiles) {
  Samples x(250, 1), y(60000, 1);
  for (int64_t i = 0; i < x.count; ++i) x.row(i)[0] = float(i);
  for (int64_t j = 0; j < y.count; ++j) y.row(j)[0] = float(j % 100);
  int64_t tiles = 0, rows = 0;
  visit_squared_distances(x, y, [&](int64_t first, const Matrix &tile) {
    EXPECT_EQ(first, rows);
    ++tiles, rows += tile.rows;
    for (int64_t i = 0; i < tile.rows; ++i)
      for (int64_t j = 0; j < tile.cols; j += 77) ASSERT_EQ(tile(i, j), std::pow(double(first + i - j % 100), 2));
  });
  EXPECT_GE(tiles, 2);
  EXPECT_EQ(rows, 250);
}

TEST(Parzen, ByHand) {
  // One sample, at distance 0.5: a Gaussian density.
  const Samples one(1, 2, {0.f, 0.f}), point(1, 2, {0.3f, 0.4f});
  int64_t told = 0;
  const Matrix ll = parzen_log_likelihoods(one, point, {0.5, 2}, [&](int64_t points) { told = points; });
  EXPECT_EQ(told, 1);
  EXPECT_NEAR(ll(0, 0), -0.5 - log_sigma_term(0.5, 2), 1e-7);
  EXPECT_NEAR(ll(1, 0), -0.25 / 8 - log_sigma_term(2, 2), 1e-7);
  // Two samples far apart, evaluated at themselves: each sees half a Gaussian.
  const Samples far(2, 1, {0.f, 1000.f});
  for (double value : parzen_log_likelihoods(far, far, {0.1}).values)
    EXPECT_NEAR(value, std::log(0.5) - log_sigma_term(0.1, 1), 1e-12);
  // 1000 bandwidths away: exp underflows, the maximum is taken out first.
  EXPECT_NEAR(parzen_log_likelihoods(Samples(1, 1, {0.f}), Samples(1, 1, {100.f}), {0.1})(0, 0),
              -5e5 - log_sigma_term(0.1, 1), 1e-6);
  EXPECT_THROW(parzen_log_likelihoods(one, point, {0}), std::invalid_argument);
  EXPECT_THROW(parzen_log_likelihoods(Samples(0, 2), point, {1}), std::invalid_argument);
}

TEST(Parzen, SamplesEqualToTheTestSet) {
  // Points so far apart that each sees only itself: log(1/M) - D log(sigma sqrt(2 pi)), best at the smallest bandwidth.
  Samples s(20, 3);
  for (int64_t i = 0; i < 20; ++i) s.row(i)[i % 3] = float(100 * (i + 1));
  const ParzenScore score = parzen_score(s, s, s);
  EXPECT_DOUBLE_EQ(score.sigma, 0.1);
  EXPECT_NEAR(score.mean, std::log(1 / 20.0) - log_sigma_term(0.1, 3), 1e-12);
  EXPECT_NEAR(score.standard_error, 0, 1e-12);
}

TEST(Parzen, BandwidthComesFromValidationAndErrorFromTest) {
  // Validation at distance 0.5 sqrt(3) of the one sample in 3 dimensions: the likelihood is largest at sigma = 0.5, and
  // of the grid 0.4642 is better than 0.5995.
  const Samples sample(1, 3), validation(1, 3, {0.5f, 0.5f, -0.5f}), test(2, 3, {0, 0, 0, 1, 0, 0});
  const ParzenScore score = parzen_score(sample, validation, test);
  EXPECT_NEAR(score.sigma, 0.4641588834, 1e-9);
  const double half = 0.25 / (score.sigma * score.sigma);  // half the difference of the two test points
  EXPECT_NEAR(score.mean, -half - log_sigma_term(score.sigma, 3), 1e-9);
  EXPECT_NEAR(score.standard_error, half / std::sqrt(2.0), 1e-9);
  const Samples shuffled = random_samples(40, 3, 3, 0.3);
  EXPECT_NEAR(parzen_score(shuffled, validation, test).mean, parzen_score(reversed(shuffled), validation, test).mean,
              1e-12);
}

TEST(Parzen, TenBandwidthsFromATenthToOne) {
  const std::vector<double> sigmas = parzen_bandwidths();
  ASSERT_EQ(sigmas.size(), 10u);
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(std::log10(sigmas[i]), -1 + i / 9.0, 1e-12);
}

TEST(Parzen, Ranges) {
  const Samples raw(1, 4, {-3.f, -0.5f, 0.f, 0.5f});
  EXPECT_EQ(parzen_samples(raw, ParzenRange::clean).values, (std::vector<float>{0, 0.25, 0.5, 0.75}));
  const Samples narrow(1, 3, {-0.5f, 0.f, 0.5f});
  EXPECT_EQ(parzen_samples(narrow, ParzenRange::authors).values, (std::vector<float>{0, 0.5, 1}));
  EXPECT_EQ(parzen_samples(narrow, ParzenRange::clean).values, (std::vector<float>{0.25, 0.5, 0.75}));
  EXPECT_THROW(parzen_samples(Samples(1, 2, {0.5f, 0.5f}), ParzenRange::authors), std::invalid_argument);
}

TEST(InceptionScore, Extremes) {
  // Certain and even over 4 classes: 4. All the same: 1.
  Samples certain(8, 4), same(8, 4);
  for (int64_t i = 0; i < 8; ++i) certain.row(i)[i % 4] = 1000, same.row(i)[1] = 3;
  EXPECT_NEAR(inception_score(certain, 2).mean, 4, 1e-12);
  EXPECT_NEAR(inception_score(certain, 2).deviation, 0, 1e-12);
  EXPECT_NEAR(inception_score(same, 1).mean, 1, 1e-12);
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  EXPECT_NEAR(inception_score(Samples(2, 2, {0.f, minus_infinity, minus_infinity, 0.f}), 1).mean, 2, 1e-12);
  EXPECT_THROW(inception_score(same, 9), std::invalid_argument);
  EXPECT_THROW(inception_score(same, 0), std::invalid_argument);
}

TEST(InceptionScore, ByHand) {
  // p = (0.9, 0.1), (0.5, 0.5): m = (0.7, 0.3).
  const Samples logits(2, 2, {std::log(0.9f), std::log(0.1f), 1.f, 1.f});
  const double divergence =
      (0.9 * std::log(0.9 / 0.7) + 0.1 * std::log(0.1 / 0.3) + 0.5 * std::log(0.5 / 0.7) + 0.5 * std::log(0.5 / 0.3)) /
      2;
  EXPECT_NEAR(inception_score(logits, 1).mean, std::exp(divergence), 1e-7);
  // Splits are contiguous: (certain, certain other) scores 2, (same, same) scores 1: mean 1.5, deviation 0.5.
  const Samples parts(4, 2, {100, 0, 0, 100, 1, 1, 1, 1});
  EXPECT_NEAR(inception_score(parts, 2).mean, 1.5, 1e-12);
  EXPECT_NEAR(inception_score(parts, 2).deviation, 0.5, 1e-12);
  // Five samples in three parts: 1, 2 and 2 of them, which score 1, 2 and 1.
  EXPECT_NEAR(inception_score(Samples(5, 2, {0, 100, 100, 0, 0, 100, 100, 0, 100, 0}), 3).mean, 4 / 3.0, 1e-12);
}

TEST(CategoryScore, ByHand) {
  const Samples logits(
      2, 3, {std::log(0.5f), std::log(0.3f), std::log(0.2f), std::log(0.1f), std::log(0.2f), std::log(0.7f)});
  EXPECT_NEAR(category_score(logits, 0, 1).probability, 0.3, 1e-7);
  EXPECT_EQ(category_score(logits, 0, 1).top_error, 0.5);
  EXPECT_EQ(category_score(logits, 0, 2).top_error, 0.5);
  EXPECT_EQ(category_score(logits, 1, 2).top_error, 0);
  EXPECT_THROW(category_score(logits, 3, 1), std::invalid_argument);
  EXPECT_TRUE(std::isnan(category_score(logits, 0).top_error));  // three classes are always among the first five
  // Class 3 is fourth, fifth and sixth.
  const Samples seven(3, 7, {7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 3, 4, 2, 1, 7, 6, 5, 2, 4, 3, 1});
  EXPECT_NEAR(category_score(seven, 3).top_error, 1 / 3.0, 1e-12);
}

TEST(Fid, OfTwoGaussiansInClosedForm) {
  // Diagonal: |m1 - m2|^2 + sum (s1 - s2)^2.
  const Gaussian a{{0, 1}, Matrix(2, 2, {4, 0, 0, 9})}, b{{3, 1}, Matrix(2, 2, {1, 0, 0, 25})};
  EXPECT_NEAR(frechet_distance(a, b), 9 + 1 + 4, 1e-12);
  EXPECT_NEAR(frechet_distance(b, a), 14, 1e-12);
  // Not commuting, two dimensions: Tr (S1 S2)^(1/2) = sqrt(Tr(S1 S2) + 2 sqrt|S1 S2|).
  const Gaussian c{{0, 0}, Matrix(2, 2, {2, 1, 1, 3})}, d{{0, 0}, Matrix(2, 2, {5, -2, -2, 1})};
  const double trace = 2 * 5 - 2 * 1 * 2 + 3, root = std::sqrt(trace + 2 * std::sqrt(5.0 * 1.0));
  EXPECT_NEAR(frechet_distance(c, d), 5 + 6 - 2 * root, 1e-12);
  // Singular: rank one against the identity, Tr(vv^T)^(1/2) = |v|.
  const Gaussian e{{0, 0}, Matrix(2, 2, {9, 12, 12, 16})}, f{{0, 0}, identity(2)};
  EXPECT_NEAR(frechet_distance(e, f), 25 + 2 - 2 * 5, 1e-7);
  EXPECT_NEAR(frechet_distance(f, e), 17, 1e-7);
  EXPECT_THROW(frechet_distance(a, Gaussian{{0}, identity(1)}), std::invalid_argument);
  EXPECT_THROW(fit_gaussian(Samples(1, 3)), std::invalid_argument);
}

TEST(Fid, OfSamples) {
  const Gaussian hand = fit_gaussian(Samples(3, 2, {0, 0, 2, 1, 4, 5}));
  EXPECT_EQ(hand.mean, (std::vector<double>{2, 2}));
  EXPECT_LE(largest_difference(hand.covariance, Matrix(2, 2, {4, 5, 5, 7})), 1e-14);
  const Samples x = random_samples(2500, 24, 4), y = random_samples(2500, 24, 5, 2, 1);
  EXPECT_NEAR(frechet_distance(fit_gaussian(x), fit_gaussian(x)), 0, 1e-9);
  EXPECT_NEAR(frechet_distance(fit_gaussian(x), fit_gaussian(reversed(x))), 0, 1e-9);
  // 24 (1 + (2 - 1)^2) = 48, up to sampling.
  EXPECT_NEAR(frechet_distance(fit_gaussian(x), fit_gaussian(y)), 48, 2);
  // Fewer samples than dimensions.
  const Samples few = random_samples(10, 24, 6);
  EXPECT_NEAR(frechet_distance(fit_gaussian(few), fit_gaussian(few)), 0, 1e-6);
}

TEST(Kid, ByHandAndUnbiased) {
  // d = 1; {0, 1}: k(0,1) = 1; {2, 3}: k(2,3) = 7^3; between: k(0,.) = 1, k(1,2) = 27, k(1,3) = 64.
  const Samples x(2, 1, {0, 1}), y(2, 1, {2, 3});
  EXPECT_NEAR(kernel_distance(x, y, 1, 2).mean, 1 + 343 - 2 * (1 + 1 + 27 + 64) / 4.0, 1e-12);
  const Samples a = random_samples(400, 8, 7), b = random_samples(400, 8, 8), c = random_samples(400, 8, 9, 1, 0.5);
  const MeanAndDeviation same = kernel_distance(a, b, 20, 100), other = kernel_distance(a, c, 20, 100);
  EXPECT_NEAR(same.mean, 0, 0.1);
  EXPECT_GT(other.mean, 0.5);
  EXPECT_GT(same.deviation, 0);
  EXPECT_NEAR(kernel_distance(a, c, 1, 400).mean, kernel_distance(reversed(a), reversed(c), 1, 400).mean, 1e-10);
  EXPECT_EQ(kernel_distance(a, c, 3, 50, 1).mean, kernel_distance(a, c, 3, 50, 1).mean);
  EXPECT_NE(kernel_distance(a, c, 3, 50, 1).mean, kernel_distance(a, c, 3, 50, 2).mean);
  EXPECT_THROW(kernel_distance(a, c, 1, 401), std::invalid_argument);
  EXPECT_THROW(kernel_distance(a, c, 1, 1), std::invalid_argument);
}

TEST(Kid, SubsetsAreRandomAndIndependent) {
  // Evenly spaced points in order: a subset that lies together, or the same one of both sets, has another mean.
  Samples x(400, 1);
  for (int64_t i = 0; i < 400; ++i) x.row(i)[0] = float(i) / 200 - 1;
  const MeanAndDeviation d = kernel_distance(x, x, 100, 20);
  // E k(x, x) - E k(x, y) = 1 + 3/3 + 3/5 + 1/7 - 1 - 3/9 = 1.41: equal subsets would have -2 x 1.41 / 20 = -0.141.
  EXPECT_NEAR(d.mean, -2 * 1.41 / 400, 0.05);
  EXPECT_LE(d.deviation, 0.3);
}

TEST(PrecisionRecall, ByHand) {
  // On a line, k = 1. Real 0, 1, 10: radii 1, 1, 9. Generated 1.5, 2.5, 30: radii 1, 1, 27.5.
  const Samples real(3, 1, {0, 1, 10}), generated(3, 1, {1.5f, 2.5f, 30.f});
  const PrecisionRecall pr = precision_recall(real, generated, 1);
  EXPECT_NEAR(pr.precision, 2 / 3.0, 1e-12);  // 1.5 by 1's and 10's balls, 2.5 by 10's, 30 by none
  EXPECT_NEAR(pr.recall, 2 / 3.0, 1e-12);     // 0 by none, 1 by 1.5's, 10 by 30's
  const DensityCoverage dc = density_coverage(real, generated, 1);
  EXPECT_NEAR(dc.density, (2 + 1 + 0) / 3.0, 1e-12);
  EXPECT_NEAR(dc.coverage, 2 / 3.0, 1e-12);  // 1's and 10's balls
  // At a radius exactly: precision and recall count it, density does not. Radii of {2, 3, 30}: 1, 1, 27.
  EXPECT_NEAR(precision_recall(real, Samples(3, 1, {2, 3, 30}), 1).recall, 2 / 3.0, 1e-12);
  const Samples edge(3, 1, {-1.f, 100.f, 200.f});
  EXPECT_NEAR(precision_recall(real, edge, 1).precision, 1 / 3.0, 1e-12);
  EXPECT_EQ(density_coverage(real, edge, 1).density, 0);
  EXPECT_EQ(density_coverage(real, edge, 1).coverage, 0);
}

// So many points that distances come in tiles: 2,900 at a distance of 1 and 100 at a distance of 10, and half way between
// them generated ones, so that each lies in a ball of the others.
TEST(PrecisionRecall, OfManyPoints) {
  Samples real(3000, 1), generated(3000, 1);
  for (int64_t i = 0; i < 3000; ++i) {
    const bool dense = i < 2900;
    real.row(i)[0] = float(dense ? i : 2900 + 10 * (i - 2899));
    generated.row(i)[0] = real.row(i)[0] + (dense ? 0.5f : 5.f);
  }
  const PrecisionRecall pr = precision_recall(real, generated, 1);
  EXPECT_EQ(pr.precision, 1);
  EXPECT_EQ(pr.recall, 1);
  double balls = 0;  // by the definition; those further along the line are out of reach
  for (int64_t i = 0; i < 3000; ++i)
    for (int64_t j = std::max<int64_t>(i - 20, 0); j < std::min<int64_t>(i + 20, 3000); ++j)
      balls += std::abs(generated.row(i)[0] - real.row(j)[0]) < (j < 2900 ? 1 : 10);
  const DensityCoverage dc = density_coverage(real, generated, 1);
  EXPECT_NEAR(dc.density, balls / 3000, 1e-12);
  EXPECT_EQ(dc.coverage, 1);
}

TEST(PrecisionRecall, OfEqualFarAndShuffledSets) {
  const Samples x = random_samples(300, 16, 10), far = random_samples(300, 16, 11, 1, 50),
                near = random_samples(300, 16, 12);
  EXPECT_EQ(precision_recall(x, x).precision, 1);
  EXPECT_EQ(precision_recall(x, x).recall, 1);
  EXPECT_EQ(density_coverage(x, x).coverage, 1);
  EXPECT_EQ(precision_recall(x, far).precision, 0);
  EXPECT_EQ(precision_recall(x, far).recall, 0);
  EXPECT_EQ(density_coverage(x, far).density, 0);
  const PrecisionRecall there = precision_recall(x, near), back = precision_recall(near, x);
  EXPECT_EQ(there.precision, back.recall);
  EXPECT_EQ(precision_recall(reversed(x), near).precision, there.precision);
  // The published numbers of neighbours.
  EXPECT_EQ(there.recall, precision_recall(x, near, 3).recall);
  EXPECT_NE(there.recall, precision_recall(x, near, 5).recall);
  EXPECT_EQ(density_coverage(x, near).density, density_coverage(x, near, 5).density);
  EXPECT_NE(density_coverage(x, near).density, density_coverage(x, near, 3).density);
  EXPECT_EQ(density_coverage(reversed(x), reversed(near)).density, density_coverage(x, near).density);
  EXPECT_NEAR(density_coverage(x, near).density, 1, 0.15);
  EXPECT_THROW(precision_recall(random_samples(3, 2, 1), random_samples(9, 2, 1)), std::invalid_argument);
  EXPECT_THROW(density_coverage(x, near, 0), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
