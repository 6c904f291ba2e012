// inter-1 .. inter-5 and the Markov random fields of pattern completion.
#include "rivals/inpaint.h"

#include <gtest/gtest.h>

#include <cmath>

#include "random_matrix.h"
#include "rivals/sparse_least_squares.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

Mask box(int64_t height, int64_t width, int64_t top, int64_t left, int64_t tall, int64_t wide) {
  Mask mask{height, width, std::vector<uint8_t>(height * width)};
  for (int64_t i = top; i < top + tall; ++i)
    for (int64_t j = left; j < left + wide; ++j) mask.hidden[i * width + j] = 1;
  return mask;
}

template <typename Function>
Frames picture_of(int64_t size, Function f) {
  Frames p(1, size, size, 1);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      p.pixels[i * size + j] = f(double(i) / double(size - 1), double(j) / double(size - 1));
  return p;
}

// Largest error after the hidden pixels were spoiled and filled again.
double filling_error(const Frames &truth, const Mask &mask, int method) {
  Frames spoiled = truth;
  for (size_t i = 0; i < mask.hidden.size(); ++i)
    if (mask.hidden[i])
      for (int64_t k = 0; k < truth.channels; ++k) spoiled.pixels[int64_t(i) * truth.channels + k] = NAN;
  const Frames filled = inpaint(spoiled, mask, method);
  const int64_t n = int64_t(truth.pixels.size());
  return largest_difference(Matrix(1, n, filled.pixels), Matrix(1, n, truth.pixels));
}

// Which polynomial each method continues exactly into a 10 x 10 hole of a 32 x 32 picture tells the five apart.
TEST(Inpaint, ExactnessTable) {
  const Mask inside = box(32, 32, 9, 13, 10, 10), edge = box(32, 32, 0, 13, 10, 10),
             corner = box(32, 32, 0, 22, 10, 10);
  const Frames constant = picture_of(32, [](double, double) { return 0.7; });
  const Frames plane = picture_of(32, [](double y, double x) { return 0.2 + 0.5 * x - 0.3 * y; });
  const Frames saddle = picture_of(32, [](double y, double x) { return x * x - y * y; });
  const Frames cubic = picture_of(32, [](double y, double x) { return x * x * x + y * y * y; });
  struct {
    const Frames &picture;
    const Mask &mask;
    std::vector<bool> exact;  // methods 1 to 5
  } cases[] = {
      {constant, inside, {1, 1, 1, 1, 1}}, {constant, edge, {1, 1, 1, 1, 1}}, {constant, corner, {1, 1, 1, 1, 1}},
      {plane, inside, {1, 1, 1, 1, 1}},    {plane, edge, {1, 1, 1, 0, 0}},    {plane, corner, {1, 0, 1, 0, 0}},
      {saddle, inside, {1, 1, 1, 1, 1}},   {saddle, edge, {1, 0, 1, 0, 0}},   {cubic, inside, {1, 0, 1, 0, 0}},
  };
  int number = 0;
  for (const auto &c : cases) {
    for (int method = 1; method <= 5; ++method) {
      const double error = filling_error(c.picture, c.mask, method);
      if (c.exact[method - 1])
        EXPECT_LE(error, 1e-11) << "case " << number << ", method " << method;
      else
        EXPECT_GE(error, 1e-3) << "case " << number << ", method " << method;
    }
    ++number;
  }
}

TEST(Inpaint, OneHiddenPixelByHand) {
  Frames p(1, 7, 7, 1, random_matrix(7, 7, 1).values);
  const auto at = [&](int64_t i, int64_t j) { return p.pixels[i * 7 + j]; };
  const Mask mask = box(7, 7, 3, 3, 1, 1);
  const double beside = at(2, 3) + at(4, 3) + at(3, 2) + at(3, 4), diagonal = at(2, 2) + at(2, 4) + at(4, 2) + at(4, 4);
  const auto filled = [&](int method) { return inpaint(p, mask, method).pixels[3 * 7 + 3]; };
  EXPECT_NEAR(filled(2), beside / 4, 1e-14);
  EXPECT_NEAR(filled(4), beside / 4, 1e-14);
  EXPECT_NEAR(filled(5), (beside + diagonal) / 8, 1e-14);
  // Method 1: minimise (beside - 4x)^2 + sum over the four neighbours q of (x + others(q) - 4 q)^2.
  double right = 4 * beside;
  for (const auto &[i, j] : {std::pair<int, int>{2, 3}, {4, 3}, {3, 2}, {3, 4}})
    right -= at(i - 1, j) + at(i + 1, j) + at(i, j - 1) + at(i, j + 1) - at(3, 3) - 4 * at(i, j);
  EXPECT_NEAR(filled(1), right / 20, 1e-14);
  // Method 3: rows of the plate where the stencil is two pixels from the border, Laplacians elsewhere, least squares.
  const double plate[5][5] = {{0, 0, 1, 0, 0}, {0, 2, -8, 2, 0}, {1, -8, 20, -8, 1}, {0, 2, -8, 2, 0}, {0, 0, 1, 0, 0}};
  double numerator = 0, denominator = 0;
  for (int i = 2; i <= 4; ++i)
    for (int j = 2; j <= 4; ++j) {
      double known = 0;
      for (int y = 0; y < 5; ++y)
        for (int x = 0; x < 5; ++x)
          if (i + y - 2 != 3 || j + x - 2 != 3) known += plate[y][x] * at(i + y - 2, j + x - 2);
      const double factor = plate[3 - i + 2][3 - j + 2];
      numerator -= factor * known, denominator += factor * factor;
    }
  EXPECT_NEAR(filled(3), numerator / denominator, 1e-13);  // the ring beside the border does not reach the centre
}

TEST(Inpaint, ArbitraryMasksFramesAndChannels) {
  // A plane with a third of its inner pixels hidden at random, a different plane in each channel and frame.
  Frames p(2, 20, 15, 3);
  Mask mask{20, 15, std::vector<uint8_t>(300)};
  const Matrix noise = random_matrix(20, 15, 2);
  for (int64_t i = 0; i < 20; ++i)
    for (int64_t j = 0; j < 15; ++j) {
      mask.hidden[i * 15 + j] = i > 0 && i < 19 && j > 0 && j < 14 && noise(i, j) > 0.4;
      for (int64_t s = 0; s < 6; ++s)
        p.frame(s / 3)[(i * 15 + j) * 3 + s % 3] = 0.1 * double(s * i) - 0.05 * double(j) + 1;
    }
  for (int method = 1; method <= 5; ++method) {
    Frames spoiled = p;
    for (int64_t t = 0; t < 2; ++t)
      for (int64_t i = 0; i < 900; ++i)
        if (mask.hidden[i / 3]) spoiled.frame(t)[i] = NAN;
    const Frames filled = inpaint(spoiled, mask, method);
    EXPECT_LE(largest_difference(Matrix(1, 1800, filled.pixels), Matrix(1, 1800, p.pixels)), 1e-11);
  }
}

TEST(Inpaint, Refuses) {
  const Frames p(1, 8, 8, 1);
  EXPECT_THROW(inpaint(p, box(8, 8, 1, 1, 2, 2), 0), std::invalid_argument);
  EXPECT_THROW(inpaint(p, box(8, 8, 1, 1, 2, 2), 6), std::invalid_argument);
  EXPECT_THROW(inpaint(p, box(8, 9, 1, 1, 2, 2), 2), std::invalid_argument);
  EXPECT_THROW(inpaint(Frames(1, 2, 8, 1), box(2, 8, 0, 0, 1, 1), 2), std::invalid_argument);
  EXPECT_THROW(inpaint(p, box(8, 8, 0, 0, 8, 8), 2), std::runtime_error);
  Mask all_but_one = box(8, 8, 0, 0, 8, 8);
  all_but_one.hidden[27] = 0;
  EXPECT_THROW(inpaint(p, all_but_one, 1), std::runtime_error);  // one point does not determine a slope
  EXPECT_EQ(inpaint(p, box(8, 8, 0, 0, 0, 0), 1).pixels, p.pixels);
}

TEST(SparseLeastSquares, AgreesWithTheDenseOne) {
  const Matrix a = random_matrix(30, 12, 3), b = random_matrix(30, 2, 4);
  Matrix banded = a;
  std::vector<Equation> equations;
  for (int64_t i = 0; i < 30; ++i) {
    Equation e{{}, {b(i, 0), b(i, 1)}};
    for (int64_t j = 0; j < 12; ++j) {
      if (j < i % 9 || j > i % 9 + 3) banded(i, j) = 0;
      if (banded(i, j) != 0) e.terms.push_back({j, banded(i, j)});
    }
    equations.push_back(e);
  }
  EXPECT_LE(largest_difference(sparse_least_squares(equations, 12, 2), least_squares(banded, b)), 1e-13);
}

// Two unknowns, the second of which is determined by a share `apart` of its equation alone.
TEST(SparseLeastSquares, TellsAWeakEquationFromNone) {
  const auto solve = [](double apart) {
    return sparse_least_squares({{{{0, 1}, {1, 1}}, {3}}, {{{0, 1}, {1, 1 + apart}}, {3 + 2 * apart}}}, 2, 1);
  };
  const double apart = std::ldexp(1, -30);
  EXPECT_NEAR(solve(apart)(0, 0), 1, 1e-6);
  EXPECT_NEAR(solve(apart)(1, 0), 2, 1e-6);
  EXPECT_THROW(solve(std::ldexp(1, -44)), std::runtime_error);
  EXPECT_THROW(solve(0), std::runtime_error);
}

TEST(Mrf, OnePixelFollowsItsConditionalDistribution) {
  // Neighbours 100, 102, 104, 110 of 255; many pictures are as many draws.
  for (const MrfOptions &options : {MrfOptions{1, 60, 60, 1}, MrfOptions{2, 2000, 2000, 1}}) {
    const int64_t draws = 20000;
    Frames p(draws, 3, 3, 1);
    for (int64_t t = 0; t < draws; ++t) {
      const int neighbours[][2] = {{1, 100}, {3, 102}, {5, 104}, {7, 110}};
      for (const auto &n : neighbours) p.frame(t)[n[0]] = n[1] / 255.0;
    }
    const Frames filled = mrf_fill(p, box(3, 3, 1, 1, 1, 1), options, 5);
    double mean = 0, square = 0, total = 0, expected = 0, expected_square = 0;
    for (int64_t t = 0; t < draws; ++t) {
      const double level = filled.frame(t)[4] * 255;
      mean += level / double(draws), square += level * level / double(draws);
    }
    for (int l = 0; l < 256; ++l) {
      double energy = 0;
      for (int n : {100, 102, 104, 110}) energy += std::pow(std::abs(l - n) / 255.0, options.norm);
      const double weight = std::exp(-options.first_beta * energy);
      total += weight, expected += weight * l, expected_square += weight * l * l;
    }
    expected /= total, expected_square /= total;
    const double variance = expected_square - expected * expected;
    EXPECT_NEAR(mean, expected, 4 * std::sqrt(variance / double(draws))) << options.norm;
    EXPECT_NEAR(square - mean * mean, variance, 0.06 * variance) << options.norm;
  }
}

TEST(Mrf, AnnealedL2IsTheHarmonicFill) {
  const Frames p = picture_of(14, [](double y, double x) { return 0.2 + 0.3 * x + 0.4 * y * y; });
  const Mask mask = box(14, 14, 4, 5, 6, 6);
  const Frames filled = mrf_fill(p, mask, {2, 100, 100000, 400}, 1), harmonic = inpaint(p, mask, 2);
  for (size_t i = 0; i < filled.pixels.size(); ++i)
    if (mask.hidden[i])
      EXPECT_NEAR(filled.pixels[i], harmonic.pixels[i], 0.012);
    else
      EXPECT_EQ(filled.pixels[i], p.pixels[i]);
}

TEST(Mrf, IsReproducibleOnAnyThreadsAndKeepsAnEdgeByL1) {
  const Frames edge = picture_of(16, [](double, double x) { return x < 0.5 ? 0.2 : 0.8; });
  Frames p(20, 16, 16, 1);  // of one colour of the checkerboard 640 sites are hidden, which several threads share
  for (int64_t t = 0; t < p.count; ++t) std::copy(edge.pixels.begin(), edge.pixels.end(), p.frame(t));
  const Mask mask = box(16, 16, 4, 4, 8, 8);
  const MrfOptions hot = {1, 20, 20, 30};  // where it cools down, other chains end alike
  set_thread_count(1);
  const Frames alone = mrf_fill(p, mask, hot, 3);
  set_thread_count(3);
  const Frames shared = mrf_fill(p, mask, hot, 3);
  set_thread_count(0);
  EXPECT_EQ(alone.pixels, shared.pixels);
  EXPECT_NE(alone.pixels, mrf_fill(p, mask, hot, 4).pixels);
  const Frames one = mrf_fill(p, mask, {1, 20, 1000, 300}, 3);
  double error = 0;
  for (size_t i = 0; i < p.pixels.size(); ++i) error += std::abs(one.pixels[i] - p.pixels[i]) / double(64 * p.count);
  EXPECT_LE(error, 0.1);
}

TEST(Mrf, NormsOfTheTwoRivals) {
  EXPECT_EQ(mrf_l1().norm, 1);
  EXPECT_EQ(mrf_l2().norm, 2);
  EXPECT_EQ(std::make_pair(mrf_l1().first_beta, mrf_l1().last_beta), std::make_pair(20.0, 1000.0));
  EXPECT_EQ(std::make_pair(mrf_l2().first_beta, mrf_l2().last_beta), std::make_pair(100.0, 20000.0));
}

TEST(Mrf, Refuses) {
  const Frames p(1, 4, 4, 1);
  const Mask mask = box(4, 4, 1, 1, 2, 2);
  EXPECT_THROW(mrf_fill(p, mask, {3, 1, 1, 1}, 0), std::invalid_argument);
  EXPECT_THROW(mrf_fill(p, mask, {2, 0, 1, 1}, 0), std::invalid_argument);
  EXPECT_THROW(mrf_fill(p, mask, {2, 1, NAN, 1}, 0), std::invalid_argument);
  EXPECT_THROW(mrf_fill(p, mask, {2, 1, 1, 0}, 0), std::invalid_argument);
  EXPECT_THROW(mrf_fill(p, box(4, 5, 1, 1, 2, 2), mrf_l1(), 0), std::invalid_argument);
  EXPECT_THROW(mrf_fill(p, box(4, 4, 0, 0, 4, 4), mrf_l2(), 0), std::invalid_argument);
  EXPECT_EQ(mrf_fill(p, box(4, 4, 0, 0, 0, 0), mrf_l2(), 0).pixels, p.pixels);
}

}  // namespace
}  // namespace coopnets
