// Several programs that learn together, on one machine or on many: each is a rank. Every rank holds the whole of both
// nets and a share of each batch, in the order of the ranks. What is summed over the batch is summed over the ranks:
//   - gradients of parameters, before the optimiser takes them (sum_over_ranks of tensor.h);
//   - the moments of batch normalisation, and their gradients (the backend's kernels);
//   - readings, when they are read (KeptReadings).
// An example's random numbers are those of its place in the whole batch (RandomKey::first_example). So R ranks compute
// what one does, to rounding; and as all sums are added in the order of the ranks, R ranks always compute the same
// bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coopnets {

// Examples [first, first + count) of a batch.
struct Share {
  int64_t first = 0, count = 0;
};

// All ranks, as one of them sees them. This class is a rank that is alone; src/app/mpi_ranks.cpp has those of MPI, the
// tests have threads of one process. All ranks make the same calls in the same order; a call returns when all have made
// it.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const { return 0; }
  virtual int count() const { return 1; }

  // What a rank holds of a batch of so many examples, as even as can be.
  Share share(int64_t examples, int rank) const;
  Share share(int64_t examples) const { return share(examples, rank()); }

  // `all` becomes what the ranks bring, one after the other; bytes[r] is how much rank r brings.
  virtual void gather(const void *own, const std::vector<size_t> &bytes, void *all);
  // Block r of `own`, count() blocks of so many bytes, goes to rank r; `all` becomes the blocks that this rank gets.
  virtual void exchange(const void *own, size_t bytes, void *all);
  // Becomes on all ranks what it is on rank `from`.
  virtual void broadcast(void *data, size_t bytes, int from = 0);

  // Each value becomes its sum over the ranks, added in their order.
  template <class Number>  // float, double, int64_t
  void sum(Number *values, int64_t size);
  // The sum of what the ranks before this one bring.
  int64_t sum_before(int64_t own);
  // Each rank's values, one rank after the other; as many of each.
  template <class Number>
  std::vector<Number> gather(const std::vector<Number> &own) {
    std::vector<Number> all(own.size() * size_t(count()));
    gather(own.data(), std::vector<size_t>(size_t(count()), own.size() * sizeof(Number)), all.data());
    return all;
  }
};

// Of so many channels over this rank's positions: their means, then the sums of (x - mean)^2. They become those over
// all ranks' positions, whose number is returned: m = sum P_k m_k / P and M = sum M_k + P_k (m_k - m)^2 (Chan, Golub,
// LeVeque 1979).
int64_t merge_moments(Ranks &, int64_t positions, int64_t channels, double *moments);

// The rank that is alone.
Ranks &one_rank();

}  // namespace coopnets
