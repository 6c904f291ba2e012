// Discrete Fourier transforms of any size.
#pragma once
#include <complex>
#include <cstdint>
#include <vector>

namespace coopnets {

using Spectrum = std::vector<std::complex<double>>;

// X[k] = sum_j x[j] e^(-2 pi i j k / n) of n = x.size() numbers; inverse: with +2 pi i, divided by n. Cooley and Tukey's
// factors (1965), so that a size of small primes takes n log n operations and a prime n^2.
Spectrum fourier(const Spectrum &x, bool inverse = false);

// Along both axes of height x width numbers, rows first.
Spectrum fourier_2d(Spectrum x, int64_t height, int64_t width, bool inverse = false);

}  // namespace coopnets
