// What the numeric tests share: random host values, errors that NaN cannot pass, outputs between guard words.
#pragma once
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "backends/backend.h"

namespace coopnets {

// Rounding of a short sum, relative to the largest value.
constexpr double tolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;

inline std::vector<real> random_values(int64_t count, unsigned seed, double mean = 0, double deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<real> values(count);
  for (real &v : values) v = real(normal(generator));
  return values;
}

// max |got - wanted| / max(|wanted|, least), `least` being the size of terms that may cancel; NaN if there is one on
// either side, infinite if the sizes differ.
template <class Got, class Wanted>
double relative_error(const std::vector<Got> &got, const std::vector<Wanted> &wanted, double least = 0) {
  if (got.size() != wanted.size()) return std::numeric_limits<double>::infinity();
  double worst = 0, largest = least;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::fabs(double(got[i]) - double(wanted[i]));
    if (!(error <= worst)) worst = error;
    if (std::isnan(error)) return error;
    largest = std::max(largest, std::fabs(double(wanted[i])));
  }
  return worst == 0 ? 0 : worst / largest;
}

// |got - wanted| / |wanted| as vectors; infinite if the sizes differ.
template <class Got, class Wanted>
double distance(const std::vector<Got> &got, const std::vector<Wanted> &wanted) {
  if (got.size() != wanted.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    difference += (double(got[i]) - double(wanted[i])) * (double(got[i]) - double(wanted[i]));
    norm += double(wanted[i]) * double(wanted[i]);
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

// NaN everywhere: what stands in an output at first, so that an element that a kernel leaves out is seen.
inline std::vector<real> unwritten(const Shape &shape) {
  return std::vector<real>(shape.size(), std::numeric_limits<real>::quiet_NaN());
}

// A tensor between guard words, aligned unless it begins `first` elements late (fewer than 64).
class Guarded {
 public:
  explicit Guarded(const Shape &shape) : Guarded(shape, unwritten(shape)) {}
  Guarded(const Shape &shape, const std::vector<real> &values, int64_t first = 0)
      : shape_(shape),
        size_(shape.size()),
        begin_(guard + first),
        memory_(test_backend(), (size_ + 2 * guard) * sizeof(real)) {
    std::vector<real> all(size_ + 2 * guard, sentinel);
    for (int64_t i = 0; i < size_; ++i) all[begin_ + i] = values.at(i);
    test_backend().upload(all.data(), memory_.data(), memory_.bytes());
  }

  operator View() const { return {shape_, static_cast<real *>(memory_.data()) + begin_}; }
  operator ConstView() const { return View(*this); }

  // The elements; an infinite one is added, which no comparison passes, if a guard word has changed.
  std::vector<real> values() const {
    std::vector<real> all(size_ + 2 * guard);
    test_backend().download(memory_.data(), all.data(), memory_.bytes());
    std::vector<real> inside(all.begin() + begin_, all.begin() + begin_ + size_);
    for (int64_t i = 0; i < int64_t(all.size()); ++i)
      if ((i < begin_ || i >= begin_ + size_) && all[i] != sentinel)
        return inside.push_back(std::numeric_limits<real>::infinity()), inside;
    return inside;
  }

 private:
  static constexpr int64_t guard = 64;
  static constexpr real sentinel = real(-12345);
  Shape shape_;
  int64_t size_, begin_;
  Memory memory_;
};

}  // namespace coopnets
