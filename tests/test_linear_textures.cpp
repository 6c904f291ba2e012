// LDS, FFT-LDS and HOSVD.
#include <gtest/gtest.h>

#include <cmath>

#include "random_matrix.h"
#include "rivals/dynamic_texture.h"
#include "rivals/tensor_modes.h"

namespace coopnets {
namespace {

double largest_difference(const Frames &a, const Frames &b) {
  EXPECT_EQ(a.size_text(), b.size_text());
  return largest_difference(Matrix(1, int64_t(a.pixels.size()), a.pixels),
                            Matrix(1, int64_t(b.pixels.size()), b.pixels));
}

// A clip that is a linear system of four states without noise: two rotations by whole periods, so that the mean over
// time of the states is zero, seen through random pictures, over a constant picture.
Frames linear_clip(int64_t frames, int64_t height, int64_t width, int64_t channels) {
  Frames clip(frames, height, width, channels);
  const Matrix pictures = random_matrix(5, clip.frame_size(), 1);
  for (int64_t t = 0; t < frames; ++t) {
    const double a = 2 * M_PI * 2 * double(t) / double(frames), b = 2 * M_PI * 5 * double(t) / double(frames);
    const double x[] = {3, 2 * std::cos(a), 2 * std::sin(a), std::cos(b), std::sin(b)};
    for (int k = 0; k < 5; ++k)
      for (int64_t i = 0; i < clip.frame_size(); ++i) clip.frame(t)[i] += x[k] * pictures(k, i);
  }
  return clip;
}

Frames noisy_clip(int64_t frames, int64_t height, int64_t width, int64_t channels) {
  Frames clip = linear_clip(frames, height, width, channels);
  const Matrix noise = random_matrix(1, int64_t(clip.pixels.size()), 2);
  for (size_t i = 0; i < clip.pixels.size(); ++i) clip.pixels[i] += 0.3 * noise.values[i];
  return clip;
}

const Protocol deterministic[] = {Protocol::roll_out, Protocol::one_step, Protocol::projection};

TEST(Lds, RecoversATrueLinearSystem) {
  const Frames clip = linear_clip(30, 6, 5, 3);
  const LinearTexture lds = fit_lds(clip);
  ASSERT_EQ(lds.dynamics().transition.rows, 4);  // the numerical rank, of at most 50
  for (Protocol p : deterministic) EXPECT_LE(largest_difference(lds.synthesise(p, 30, 0), clip), 1e-9);
  // No noise was there, so none is synthesised.
  EXPECT_LE(largest_difference(lds.synthesise(Protocol::stochastic, 30, 0), clip), 1e-9);
  // The poles are exp(+-i 2 pi k / 30), and the roll-out goes on after the clip's end.
  for (std::complex<double> pole : eigenvalues(lds.dynamics().transition)) {
    const double turns = std::abs(std::arg(pole)) * 30 / (2 * M_PI);
    EXPECT_LE(std::min(std::abs(turns - 2), std::abs(turns - 5)), 1e-8);
  }
  const Frames longer = lds.synthesise(Protocol::roll_out, 60, 0);
  for (int64_t i = 0; i < clip.frame_size(); ++i) ASSERT_NEAR(longer.frame(37)[i], clip.frame(7)[i], 1e-8);
}

TEST(Lds, NoiseHasTheResidualsCovariance) {
  // B B^T = V V^T / (T - 1) when all noise dimensions are kept.
  const LinearTexture lds = fit_lds(noisy_clip(40, 4, 4, 1), {6, 6, 0});
  const LinearDynamics &d = lds.dynamics();
  Matrix expected(6, 6);
  const LinearDynamics fresh(d.states, 6);
  for (int64_t t = 1; t < 40; ++t) {
    double v[6];
    for (int i = 0; i < 6; ++i) v[i] = d.states(t, i) - dot(fresh.transition.row(i), d.states.row(t - 1), 6);
    for (int i = 0; i < 6; ++i)
      for (int j = 0; j < 6; ++j) expected(i, j) += v[i] * v[j] / 39;
  }
  EXPECT_LE(largest_difference(multiply_a_bt(d.noise, d.noise), expected), 1e-10);
  EXPECT_EQ(fit_lds(noisy_clip(40, 4, 4, 1), {6, 2, 0}).dynamics().noise.cols, 2);
  const Frames a = lds.synthesise(Protocol::stochastic, 50, 1), b = lds.synthesise(Protocol::stochastic, 50, 1);
  EXPECT_EQ(a.pixels, b.pixels);
  EXPECT_NE(a.pixels, lds.synthesise(Protocol::stochastic, 50, 2).pixels);
}

TEST(Lds, EachProtocolPredictsFromItsOwnState) {
  const LinearDynamics d(random_matrix(12, 3, 9), 2);
  const auto after = [&](const double *x, int64_t i) { return dot(d.transition.row(i), x, 3); };
  const Matrix rolled = d.synthesise(Protocol::roll_out, 12, 0), one = d.synthesise(Protocol::one_step, 12, 0);
  EXPECT_EQ(d.synthesise(Protocol::projection, 12, 0).values, d.states.values);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rolled(0, i), d.states(0, i));
    EXPECT_EQ(one(0, i), d.states(0, i));
    for (int64_t t = 1; t < 12; ++t) {
      EXPECT_EQ(rolled(t, i), after(rolled.row(t - 1), i));
      EXPECT_EQ(one(t, i), after(d.states.row(t - 1), i));
    }
  }
}

TEST(Lds, UnstablePolesAreRelocated) {
  // x doubles every 5 frames.
  Frames clip(20, 1, 1, 1);
  for (int64_t t = 0; t < 20; ++t) clip.pixels[t] = std::exp2(double(t) / 5);
  const LinearTexture lds = fit_lds(clip);
  EXPECT_NEAR(lds.dynamics().transition(0, 0), 0.99, 1e-12);
}

TEST(Lds, SmallAndConstantClips) {
  const Frames one(1, 2, 2, 1, {0.1, 0.2, 0.3, 0.4}), two(2, 1, 2, 1, {0, 1, 1, 0});
  EXPECT_LE(largest_difference(fit_lds(one).synthesise(Protocol::roll_out, 1, 0), one), 1e-15);
  EXPECT_LE(largest_difference(fit_hosvd(one).synthesise(Protocol::stochastic, 1, 0), one), 1e-15);
  EXPECT_LE(largest_difference(fit_fft_lds(one, {1, {}}).synthesise(Protocol::roll_out, 1, 0), one), 1e-15);
  EXPECT_LE(largest_difference(fit_lds(two).synthesise(Protocol::roll_out, 2, 0), two), 1e-15);
  EXPECT_EQ(fit_lds(one).synthesise(Protocol::roll_out, 9, 0).count, 9);
  EXPECT_THROW(fit_lds(Frames()), std::invalid_argument);
  EXPECT_THROW(fit_hosvd(Frames()), std::invalid_argument);
  EXPECT_THROW(fit_fft_lds(Frames()), std::invalid_argument);
  EXPECT_THROW(fit_fft_lds(two, {0, {}}), std::invalid_argument);
  EXPECT_THROW(fit_lds(two).synthesise(Protocol::one_step, 3, 0), std::invalid_argument);
  EXPECT_THROW(fit_lds(two).synthesise(Protocol::projection, 3, 0), std::invalid_argument);
  EXPECT_THROW(fit_lds(two).synthesise(Protocol::roll_out, 0, 0), std::invalid_argument);
}

TEST(FftLds, WithAllFrequenciesIsLds) {
  for (const auto &[height, width] : {std::pair<int, int>{6, 5}, {4, 8}, {7, 1}}) {
    const Frames clip = noisy_clip(12, height, width, 2);
    const LdsOptions options{7, 5, 0};
    const LinearTexture lds = fit_lds(clip, options), fft = fit_fft_lds(clip, {1, options});
    for (Protocol p : deterministic)
      EXPECT_LE(largest_difference(fft.synthesise(p, 12, 0), lds.synthesise(p, 12, 0)), 1e-9);
  }
}

TEST(FftLds, KeepsTheStrongestFrequenciesOfAnyFrame) {
  // Two waves, one strong in the first half of the clip alone, and a weak one everywhere: with room for two pairs the
  // weak one goes.
  const int64_t n = 8;
  Frames clip(20, n, n, 1), wanted = clip;
  for (int64_t t = 0; t < 20; ++t)
    for (int64_t y = 0; y < n; ++y)
      for (int64_t x = 0; x < n; ++x) {
        const double a = t < 10 ? std::cos(2 * M_PI * double(x + t) / n) : 0,
                     b = std::cos(2 * M_PI * double(2 * y - t) / n);
        wanted.frame(t)[y * n + x] = a + b;
        clip.frame(t)[y * n + x] = a + b + 0.1 * std::cos(2 * M_PI * double(3 * x + 3 * y) / n);
      }
  const LinearTexture fft = fit_fft_lds(clip, {4.0 / (n * n), {50, 20, 0}});
  EXPECT_LE(largest_difference(fft.synthesise(Protocol::projection, 20, 0), wanted), 1e-9);
}

TEST(FftLds, SmallSingularValuesAreDropped) {
  EXPECT_EQ(fit_fft_lds(linear_clip(30, 6, 6, 1), {1, {50, 20, 0.0}}).dynamics().states.cols, 4);
  EXPECT_EQ(fit_fft_lds(linear_clip(30, 6, 6, 1), {1, {50, 20, 0.75}}).dynamics().states.cols, 2);
}

TEST(Hosvd, OfFullRankReproducesTheClip) {
  const Frames clip = noisy_clip(10, 6, 5, 3);
  EXPECT_LE(largest_difference(fit_hosvd(clip).synthesise(Protocol::projection, 10, 0), clip), 1e-10);
  EXPECT_GE(largest_difference(fit_hosvd(clip, {3, 5, 10, 3, 6}).synthesise(Protocol::projection, 10, 0), clip), 1e-2);
}

TEST(Hosvd, RecoversATrueLinearSystem) {
  const Frames clip = linear_clip(30, 6, 5, 3);
  const LinearTexture hosvd = fit_hosvd(clip);
  EXPECT_EQ(hosvd.dynamics().states.cols, 4);
  for (Protocol p : deterministic) EXPECT_LE(largest_difference(hosvd.synthesise(p, 30, 0), clip), 1e-9);
}

TEST(MeanFrame, IsTheTemporalMean) {
  const Frames clip(2, 1, 2, 1, {0, 1, 1, 0.5});
  EXPECT_EQ(MeanFrame(clip).synthesise(Protocol::roll_out, 2, 0).pixels, (std::vector<double>{0.5, 0.75, 0.5, 0.75}));
}

TEST(TensorModes, UnfoldAndProduct) {
  ModeTensor x{{2, 3, 1, 2}, {}};
  for (int i = 0; i < 12; ++i) x.values.push_back(i);
  EXPECT_EQ(unfold(x, mode_row).values, (std::vector<double>{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));
  EXPECT_EQ(unfold(x, mode_time).values, x.values);
  const ModeTensor y = mode_product(x, mode_row, Matrix(1, 3, {1, 0, -1}));
  EXPECT_EQ(y.sizes, (std::array<int64_t, 4>{2, 1, 1, 2}));
  EXPECT_EQ(y.values, (std::vector<double>{-4, -4, -4, -4}));
}

}  // namespace
}  // namespace coopnets
