// Parameter updates: all tensors of a call in one launch.
//
//   tensors   |---- filters 0 ----|b|-------- filters 1 --------|b| ...      described by a table that travels as the
//   blocks     0   1   2   3   4   5 6 ...                                    kernel's argument: up to 48 tensors
//
// Each block finds its tensor by its number, and strides through it with the tensor's other blocks, four elements a
// thread at a time. Adam reads value, gradient and two moments and writes three of them, 28 bytes and about 12
// operations an element. RMSprop keeps one moment: 20 bytes and about 8 operations.
//
// Capped momentum needs the largest |gradient| of each tensor before it may begin: a first launch leaves one maximum a
// block, at most 1024 a tensor, and each block of the second folds those of its tensor. 20 bytes an element, and 4
// before.
//
// Clipping needs the norm over all tensors: every block leaves its sum of squares in double, one block adds them in
// their order, and where the norm is too large every block scales its elements. 4 bytes an element, and 8 where it is.
#include <limits>

#include "cuda/cuda_backend.h"
#include "cuda/four.h"
#include "cuda/reduce.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

constexpr int threads = 256, most_tensors = 48, most_blocks = 1024;  // blocks a tensor

struct AdamTensor {
  float *value, *first, *second;
  const float *gradient;
  int64_t size;
  int first_block;
  float rate;
};
struct RmspropTensor {
  float *value, *square;
  const float *gradient;
  int64_t size;
  int first_block;
  float rate;
};
struct MomentumTensor {
  float *value, *velocity;
  const float *gradient;
  int64_t size;
  int first_block;
  float rate, divisor, cap, weight_decay;
};
struct AverageTensor {
  float *average;
  const float *value;
  int64_t size;
  int first_block;
};
struct GradientTensor {
  float *gradient;
  int64_t size;
  int first_block;
};
template <class Tensor>
struct Table {
  int tensors = 0, blocks = 0;
  Tensor tensor[most_tensors];

  void add(Tensor t) {
    t.first_block = blocks;
    blocks += int(std::max<int64_t>(1, std::min<int64_t>(ceil_div<int64_t>(t.size, 4 * threads), most_blocks)));
    tensor[tensors++] = t;
  }
  // The tensor that this block works on; its blocks are [first, first + count).
  __device__ const Tensor &mine(int &first, int &count) const {
    int i = 0;
    while (i + 1 < tensors && int(blockIdx.x) >= tensor[i + 1].first_block) ++i;
    first = tensor[i].first_block;
    count = (i + 1 < tensors ? tensor[i + 1].first_block : blocks) - first;
    return tensor[i];
  }
};

// Calls body(i) for each four elements 4i .. 4i + 3 that are this thread's.
template <class Tensor, class Body>
__device__ __forceinline__ void for_fours(const Tensor &t, int first, int count, const Body &body) {
  for (int64_t i = int64_t(blockIdx.x - first) * threads + threadIdx.x; 4 * i < t.size; i += int64_t(count) * threads)
    body(i);
}

// base^n by squaring: 20 products for a million, where pow() takes some hundred operations of double.
__device__ double power(double base, int64_t n) {
  double result = 1;
  for (; n > 0; n /= 2, base *= base)
    if (n % 2) result *= base;
  return result;
}

// m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
// value -= rate (decay value + (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)),  t = iteration + 1.
__global__ void adam_step(const Table<AdamTensor> table, AdamRule rule, const Clock *clock) {
  int first, count;
  const AdamTensor &t = table.mine(first, count);
  SHARED_ARRAY(float, correction, 3);  // double is slow: one thread computes in it
  if (threadIdx.x == 0) {
    const int64_t time = clock->iteration + 1;
    correction[0] = float(t.rate * clock->rate / (1 - power(rule.beta1, time)));
    correction[1] = float(1 / (1 - power(rule.beta2, time)));
    correction[2] = float(t.rate * clock->rate * rule.weight_decay);
  }
  __syncthreads();
  const float step = correction[0], unbias = correction[1], decay = correction[2];
  for_fours(t, first, count, [&](int64_t i) {
    const Four gradient = load_four(t.gradient, i, t.size);
    Four m = load_four(t.first, i, t.size), v = load_four(t.second, i, t.size), value = load_four(t.value, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float g = gradient.v[j];
      m.v[j] = rule.beta1 * m.v[j] + (1 - rule.beta1) * g;
      v.v[j] = rule.beta2 * v.v[j] + (1 - rule.beta2) * g * g;
      value.v[j] -= decay * value.v[j] + step * m.v[j] / (sqrtf(unbias * v.v[j]) + rule.epsilon);
    }
    store_four(t.first, i, t.size, m);
    store_four(t.second, i, t.size, v);
    store_four(t.value, i, t.size, value);
  });
}

// square = keep square + (1 - keep) g^2,  value -= rate g / (sqrt(square) + epsilon).
__global__ void rmsprop_step(const Table<RmspropTensor> table, float keep, float epsilon, const Clock *clock) {
  int first, count;
  const RmspropTensor &t = table.mine(first, count);
  const float rate = float(t.rate * clock->rate);
  for_fours(t, first, count, [&](int64_t i) {
    const Four gradient = load_four(t.gradient, i, t.size);
    Four square = load_four(t.square, i, t.size), value = load_four(t.value, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float g = gradient.v[j];
      square.v[j] = keep * square.v[j] + (1 - keep) * g * g;
      value.v[j] -= rate * g / (sqrtf(square.v[j]) + epsilon);
    }
    store_four(t.square, i, t.size, square);
    store_four(t.value, i, t.size, value);
  });
}

__global__ void largest_gradients(const Table<MomentumTensor> table, float *largest) {
  int first, count;
  const MomentumTensor &t = table.mine(first, count);
  float mine = 0;
  for_fours(t, first, count, [&](int64_t i) {
    const Four g = load_four(t.gradient, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) mine = Larger()(mine, fabsf(g.v[j]));
  });
  mine = block_reduce<threads>(mine, Larger());
  if (threadIdx.x == 0) largest[blockIdx.x] = mine;
}

// g = gradient / divisor, times cap / max|g| where that is less than 1;
// velocity = momentum velocity - decay value - g;  value += rate velocity.
__global__ void momentum_step(const Table<MomentumTensor> table, float momentum, const float *largest,
                              const Clock *clock) {
  int first, count;
  const MomentumTensor &t = table.mine(first, count);
  float most = 0;
  for (int b = threadIdx.x; b < count; b += threads) most = Larger()(most, largest[first + b]);
  most = block_reduce<threads>(most, Larger()) / t.divisor;
  // A NaN anywhere makes `most` NaN, so that it reaches every element and cannot be missed.
  const float factor = (most <= t.cap ? 1 : t.cap / most) / t.divisor, rate = float(t.rate * clock->rate);
  for_fours(t, first, count, [&](int64_t i) {
    const Four g = load_four(t.gradient, i, t.size);
    Four v = load_four(t.velocity, i, t.size), value = load_four(t.value, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      v.v[j] = momentum * v.v[j] - t.weight_decay * value.v[j] - factor * g.v[j];
      value.v[j] += rate * v.v[j];
    }
    store_four(t.velocity, i, t.size, v);
    store_four(t.value, i, t.size, value);
  });
}

// average += share (value - average), share = 1 - min(keep, t / (t + 1)),  t = iteration.
__global__ void average_step(const Table<AverageTensor> table, float keep, const Clock *clock) {
  int first, count;
  const AverageTensor &t = table.mine(first, count);
  const float time = float(clock->iteration), share = fmaxf(1 - keep, 1 / (time + 1));
  for_fours(t, first, count, [&](int64_t i) {
    const Four value = load_four(t.value, i, t.size);
    Four average = load_four(t.average, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) average.v[j] += share * (value.v[j] - average.v[j]);
    store_four(t.average, i, t.size, average);
  });
}

__global__ void squares_of_gradients(const Table<GradientTensor> table, double *squares) {
  int first, count;
  const GradientTensor &t = table.mine(first, count);
  double mine = 0;
  for_fours(t, first, count, [&](int64_t i) {
    const Four g = load_four(t.gradient, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) mine += double(g.v[j]) * double(g.v[j]);
  });
  mine = block_reduce<threads>(mine, Plus());
  if (threadIdx.x == 0) squares[blockIdx.x] = mine;
}

__global__ void norm_of_squares(const double *squares, int count, double *norm) {
  double mine = 0;
  for (int b = threadIdx.x; b < count; b += threads) mine += squares[b];
  mine = block_reduce<threads>(mine, Plus());
  if (threadIdx.x == 0) *norm = sqrt(mine);
}

__global__ void scale_gradients(const Table<GradientTensor> table, float bound, const double *norm) {
  if (*norm <= double(bound)) return;
  int first, count;
  const GradientTensor &t = table.mine(first, count);
  const float factor = float(double(bound) / *norm);
  for_fours(t, first, count, [&](int64_t i) {
    Four g = load_four(t.gradient, i, t.size);
#pragma unroll
    for (int j = 0; j < 4; ++j) g.v[j] *= factor;
    store_four(t.gradient, i, t.size, g);
  });
}

}  // namespace

void CudaBackend::adam(const std::vector<AdamUpdate> &updates, const AdamRule &rule) {
  for (const AdamUpdate &u : updates) {
    require_same(u.value.shape, u.gradient.shape, "adam: gradient");
    require_same(u.value.shape, u.first_moment.shape, "adam: first moment");
    require_same(u.value.shape, u.second_moment.shape, "adam: second moment");
  }
  for (size_t begin = 0; begin < updates.size(); begin += most_tensors) {
    Table<AdamTensor> table;
    for (size_t i = begin; i < updates.size() && i < begin + most_tensors; ++i) {
      const AdamUpdate &u = updates[i];
      table.add(
          {u.value.data, u.first_moment.data, u.second_moment.data, u.gradient.data, u.value.shape.size(), 0, u.rate});
    }
    CUDA_LAUNCH(adam_step, table.blocks, threads, 0, stream_, table, rule, clock_);
  }
}

void CudaBackend::capped_momentum(const std::vector<MomentumUpdate> &updates, real momentum) {
  for (const MomentumUpdate &u : updates) {
    require_same(u.value.shape, u.gradient.shape, "capped momentum: gradient");
    require_same(u.value.shape, u.velocity.shape, "capped momentum: velocity");
  }
  for (size_t begin = 0; begin < updates.size(); begin += most_tensors) {
    Table<MomentumTensor> table;
    for (size_t i = begin; i < updates.size() && i < begin + most_tensors; ++i) {
      const MomentumUpdate &u = updates[i];
      const float cap = u.cap > 0 ? u.cap : std::numeric_limits<float>::infinity();
      table.add({u.value.data, u.velocity.data, u.gradient.data, u.value.shape.size(), 0, u.rate, u.divisor, cap,
                 u.weight_decay});
    }
    float *const largest = scratch<float>(table.blocks);
    CUDA_LAUNCH(largest_gradients, table.blocks, threads, 0, stream_, table, largest);
    CUDA_LAUNCH(momentum_step, table.blocks, threads, 0, stream_, table, momentum, largest, clock_);
  }
}

void CudaBackend::rmsprop(const std::vector<RmspropUpdate> &updates, real keep, real epsilon) {
  for (const RmspropUpdate &u : updates) {
    require_same(u.value.shape, u.gradient.shape, "RMSprop: gradient");
    require_same(u.value.shape, u.square.shape, "RMSprop: mean square");
  }
  for (size_t begin = 0; begin < updates.size(); begin += most_tensors) {
    Table<RmspropTensor> table;
    for (size_t i = begin; i < updates.size() && i < begin + most_tensors; ++i) {
      const RmspropUpdate &u = updates[i];
      table.add({u.value.data, u.square.data, u.gradient.data, u.value.shape.size(), 0, u.rate});
    }
    CUDA_LAUNCH(rmsprop_step, table.blocks, threads, 0, stream_, table, keep, epsilon, clock_);
  }
}

void CudaBackend::average(const std::vector<AverageUpdate> &updates, real keep) {
  for (const AverageUpdate &u : updates) require_same(u.value.shape, u.average.shape, "average");
  for (size_t begin = 0; begin < updates.size(); begin += most_tensors) {
    Table<AverageTensor> table;
    for (size_t i = begin; i < updates.size() && i < begin + most_tensors; ++i)
      table.add({updates[i].average.data, updates[i].value.data, updates[i].value.shape.size(), 0});
    CUDA_LAUNCH(average_step, table.blocks, threads, 0, stream_, table, keep, clock_);
  }
}

void CudaBackend::clip_norm(const std::vector<View> &gradients, real bound, Readings &readings, int slot) {
  require(bound >= 0, "clipping: the largest norm is 0, which is none, or more");
  require(slot >= 0 && slot < readings.count(), "a reduction into a slot that the readings do not have");
  std::vector<Table<GradientTensor>> tables((gradients.size() + most_tensors - 1) / most_tensors);
  int blocks = 0;
  for (size_t i = 0; i < gradients.size(); ++i)
    tables[i / most_tensors].add({gradients[i].data, gradients[i].shape.size(), 0});
  for (const Table<GradientTensor> &table : tables) blocks += table.blocks;
  double *const squares = scratch<double>(blocks), *own = squares;
  for (const Table<GradientTensor> &table : tables) {
    CUDA_LAUNCH(squares_of_gradients, table.blocks, threads, 0, stream_, table, own);
    own += table.blocks;
  }
  CUDA_LAUNCH(norm_of_squares, 1, threads, 0, stream_, squares, blocks, readings.slot(slot));
  if (bound == 0) return;
  for (const Table<GradientTensor> &table : tables)
    CUDA_LAUNCH(scale_gradients, table.blocks, threads, 0, stream_, table, bound, readings.slot(slot));
}

}  // namespace coopnets
