#include "tensor/ranks.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace coopnets {

Share Ranks::share(int64_t examples, int rank) const {
  const int64_t first = examples * rank / count();
  return {first, examples * (rank + 1) / count() - first};
}

void Ranks::gather(const void *own, const std::vector<size_t> &bytes, void *all) { std::memcpy(all, own, bytes.at(0)); }

void Ranks::exchange(const void *own, size_t bytes, void *all) { std::memcpy(all, own, bytes); }

void Ranks::broadcast(void *, size_t, int) {}

namespace {

// Of `parts` arrays of so many numbers, one after the other.
template <class Number>
void add_up(const Number *parts, int64_t count, int64_t size, Number *sum) {
  std::copy_n(parts, size, sum);
  for (int64_t r = 1; r < count; ++r)
    for (int64_t i = 0; i < size; ++i) sum[i] += parts[r * size + i];
}

}  // namespace

// Few values go to all ranks. Of many, each rank adds up a block, so that a value travels twice however many ranks
// there are; the sums are the same.
template <class Number>
void Ranks::sum(Number *values, int64_t size) {
  constexpr int64_t few = 4096, largest_block = int64_t{1} << 20;
  const int64_t ranks = count();
  if (ranks == 1) return;
  if (size <= few) {
    add_up(gather(std::vector<Number>(values, values + size)).data(), ranks, size, values);
    return;
  }
  const int64_t block = std::min(largest_block, (size + ranks - 1) / ranks);
  std::vector<Number> own(size_t(block * ranks)), all(own.size()), sums(static_cast<size_t>(block));
  for (int64_t first = 0; first < size; first += block * ranks) {
    const int64_t some = std::min(block * ranks, size - first);
    std::copy_n(values + first, some, own.data());
    exchange(own.data(), size_t(block) * sizeof(Number), all.data());
    add_up(all.data(), ranks, block, sums.data());
    gather(sums.data(), std::vector<size_t>(size_t(ranks), size_t(block) * sizeof(Number)), own.data());
    std::copy_n(own.data(), some, values + first);
  }
}

template void Ranks::sum(float *, int64_t);
template void Ranks::sum(double *, int64_t);
template void Ranks::sum(int64_t *, int64_t);

int64_t Ranks::sum_before(int64_t own) {
  const std::vector<int64_t> all = gather(std::vector<int64_t>{own});
  return std::accumulate(all.begin(), all.begin() + rank(), int64_t{0});
}

int64_t merge_moments(Ranks &ranks, int64_t positions, int64_t channels, double *moments) {
  if (ranks.count() == 1) return positions;
  std::vector<double> own(moments, moments + 2 * channels);
  own.push_back(double(positions));
  const std::vector<double> all = ranks.gather(own);
  const auto each = [&](const auto &use) {  // of a rank: its moments and positions
    for (const double *part = all.data(); part < all.data() + all.size(); part += own.size())
      use(part, part[2 * channels]);
  };
  double total = 0;
  each([&](const double *, double count) { total += count; });
  for (int64_t c = 0; c < channels; ++c) {
    double m = 0, squares = 0;
    each([&](const double *m_k, double count) { m += count * m_k[c]; });
    m /= total;
    each([&](const double *m_k, double count) { squares += m_k[channels + c] + count * (m_k[c] - m) * (m_k[c] - m); });
    moments[c] = m;
    moments[channels + c] = squares;
  }
  return int64_t(total);
}

Ranks &one_rank() {
  static Ranks one;
  return one;
}

}  // namespace coopnets
