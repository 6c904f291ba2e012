#include "metrics/fourier.h"

#include <algorithm>
#include <cmath>

namespace coopnets {

namespace {

using Complex = std::complex<double>;

// Without what <complex> does for infinities.
Complex times(const Complex &a, const Complex &b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// X[0 .. n) of x[0], x[stride], ...; roots[k] = e^(-+2 pi i k / total) for the whole transform's size `total`. `parts`
// is scratch of n numbers.
void transform(const Complex *x, int64_t n, int64_t stride, const Spectrum &roots, Complex *to, Complex *parts) {
  const int64_t total = int64_t(roots.size());
  if (n == 1) {
    *to = *x;
    return;
  }
  int64_t p = 2;
  while (n % p != 0) ++p;
  // n = p m: p transforms of every p-th number, then one sum of p terms per result.
  const int64_t m = n / p;
  for (int64_t r = 0; r < p; ++r) transform(x + r * stride, m, p * stride, roots, parts + r * m, to + r * m);
  if (p == 2) {
    for (int64_t k = 0; k < m; ++k) {
      const Complex turned = times(parts[m + k], roots[size_t(k * (total / n))]);
      to[k] = parts[k] + turned;
      to[k + m] = parts[k] - turned;
    }
    return;
  }
  for (int64_t k = 0; k < n; ++k) {
    Complex sum = 0;
    for (int64_t r = 0; r < p; ++r) sum += times(parts[r * m + k % m], roots[size_t(r * k % n * (total / n))]);
    to[k] = sum;
  }
}

}  // namespace

Spectrum fourier(const Spectrum &x, bool inverse) {
  const int64_t n = int64_t(x.size());
  Spectrum roots(x.size()), result(x.size()), parts(x.size());
  for (int64_t k = 0; k < n; ++k) roots[size_t(k)] = std::polar(1., (inverse ? 2 : -2) * M_PI * double(k) / double(n));
  if (n > 0) transform(x.data(), n, 1, roots, result.data(), parts.data());
  if (inverse)
    for (Complex &value : result) value /= double(n);
  return result;
}

Spectrum fourier_2d(Spectrum x, int64_t height, int64_t width, bool inverse) {
  for (int64_t row = 0; row < height; ++row) {
    const auto first = x.begin() + row * width;
    const Spectrum line = fourier({first, first + width}, inverse);
    std::copy(line.begin(), line.end(), first);
  }
  Spectrum line(static_cast<size_t>(height));
  for (int64_t column = 0; column < width; ++column) {
    for (int64_t row = 0; row < height; ++row) line[size_t(row)] = x[size_t(row * width + column)];
    const Spectrum done = fourier(line, inverse);
    for (int64_t row = 0; row < height; ++row) x[size_t(row * width + column)] = done[size_t(row)];
  }
  return x;
}

}  // namespace coopnets
