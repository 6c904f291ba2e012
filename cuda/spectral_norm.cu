// Spectral norm: products of filters, seen as a matrix W [K, C], with vectors from both sides.
//
//             columns
//           0 ... 31 | 0 ... 31 | ...     W as it lies in memory; a block of 256 threads is as many lanes wide as
//   row k   the lanes walk along it       a power of two holds the columns, 32 at most, and 256 / lanes rows high,
//   k + 1   ...                           so that a warp reads whole lines
//
//   iteration  1. W u: the lanes of a row fold their sums by shuffles
//              2. one block: |W u|, then v = W u / |W u|
//              3. block (strip of columns, chunk of rows): that chunk's share of W' v, folded in shared memory
//              4. one block: adds the chunks, then as 2
//   forward    1. each block: its rows' share of v' W u     2. every block adds the shares, then y = w / sigma
//   backward   1. each block: its share of <dy, w>          2. every block adds the shares, then dw
//
// An iteration reads w twice, 8 bytes an element; forward reads it twice and writes y: 12; backward reads w, and dy
// twice, and writes dw: 16. Sums are in double, two operations an element. No atomics: all orders of addition are fixed
// by the shape.
#include "cuda/cuda_backend.h"
#include "cuda/four.h"
#include "cuda/reduce.h"
#include "tensor/checks.h"

namespace coopnets {
namespace {

constexpr int threads = 256, most_shares = threads, most_chunks = 64;

struct Matrix {
  explicit Matrix(const Shape &w) : rows(w.positions()), columns(w.c) {
    while (lanes < warp_size && lanes < columns) lanes *= 2;
  }
  // Blocks that stride over the rows, so many at most.
  unsigned blocks(int64_t most) const {
    return unsigned(std::max<int64_t>(1, std::min(most, ceil_div<int64_t>(rows, threads / lanes))));
  }
  __device__ int lane() const { return int(threadIdx.x) % lanes; }
  __device__ int height() const { return threads / lanes; }            // rows of a block
  __device__ int own_row() const { return int(threadIdx.x) / lanes; }  // of the block's

  int64_t rows, columns;
  int lanes = 1;
};

// This lane's share of the product of a row with u.
__device__ double along_row(const float *row, const float *u, const Matrix &m) {
  double sum = 0;
  for (int64_t c = m.lane(); c < m.columns; c += m.lanes) sum += double(row[c]) * double(u[c]);
  return sum;
}

// Every thread of the block gets the sum.
__device__ double sum_of_shares(const double *shares, int count) {
  return block_reduce<threads>(int(threadIdx.x) < count ? shares[threadIdx.x] : 0., Plus());
}

__global__ void times_columns(const float *__restrict__ w, const float *__restrict__ u, Matrix m,
                              double *__restrict__ product) {
  for (int64_t first = int64_t(blockIdx.x) * m.height(); first < m.rows; first += int64_t(gridDim.x) * m.height()) {
    const int64_t k = first + m.own_row();
    double sum = k < m.rows ? along_row(w + k * m.columns, u, m) : 0;
    for (int half = m.lanes / 2; half > 0; half /= 2) sum += __shfl_down_sync(whole_warp, sum, half);
    if (m.lane() == 0 && k < m.rows) product[k] = sum;
  }
}

__global__ void times_rows(const float *__restrict__ w, const float *__restrict__ v, Matrix m, int64_t chunk,
                           double *__restrict__ shares) {
  SHARED_ARRAY(double, sums, threads);
  const int64_t c = int64_t(blockIdx.x) * m.lanes + m.lane(), begin = blockIdx.y * chunk;
  const int64_t end = begin + chunk < m.rows ? begin + chunk : m.rows;
  double sum = 0;
  if (c < m.columns)
    for (int64_t k = begin + m.own_row(); k < end; k += m.height()) sum += double(v[k]) * double(w[k * m.columns + c]);
  sums[threadIdx.x] = sum;
  __syncthreads();
  for (int half = threads / 2; half >= m.lanes; half /= 2) {
    if (int(threadIdx.x) < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  if (m.own_row() == 0 && c < m.columns) shares[blockIdx.y * m.columns + c] = sums[threadIdx.x];
}

// x = s / max(|s|, 1e-12), s[i] the sum of shares[p, i] over all p.
__global__ void unit_vector(const double *shares, int count, int64_t size, float *x) {
  const auto sum = [=](int64_t i) {
    double total = 0;
    for (int p = 0; p < count; ++p) total += shares[p * size + i];
    return total;
  };
  double squares = 0;
  for (int64_t i = threadIdx.x; i < size; i += threads) {
    const double s = sum(i);
    squares += s * s;
  }
  const double length = sqrt(block_reduce<threads>(squares, Plus()));
  const double divisor = length < 1e-12 ? 1e-12 : length;  // NaN stays
  for (int64_t i = threadIdx.x; i < size; i += threads) x[i] = float(sum(i) / divisor);
}

__global__ void shares_of_norm(const float *__restrict__ w, const float *__restrict__ u, const float *__restrict__ v,
                               Matrix m, double *shares) {
  double sum = 0;
  for (int64_t k = int64_t(blockIdx.x) * m.height() + m.own_row(); k < m.rows; k += int64_t(gridDim.x) * m.height())
    sum += double(v[k]) * along_row(w + k * m.columns, u, m);
  sum = block_reduce<threads>(sum, Plus());
  if (threadIdx.x == 0) shares[blockIdx.x] = sum;
}

__global__ void divide_by_norm(const float *w, const double *shares, int count, int64_t size, float *y, float *sigma) {
  const float norm = float(sum_of_shares(shares, count));
  if (blockIdx.x == 0 && threadIdx.x == 0) *sigma = norm;
  for (int64_t i = first_item(); 4 * i < size; i += item_stride()) {
    Four four = load_four(w, i, size);
#pragma unroll
    for (int j = 0; j < 4; ++j) four.v[j] /= norm;
    store_four(y, i, size, four);
  }
}

__global__ void shares_of_product(const float *a, const float *b, int64_t size, double *shares) {
  double sum = 0;
  for (int64_t i = first_item(); 4 * i < size; i += item_stride()) {
    const Four x = load_four(a, i, size), y = load_four(b, i, size);
#pragma unroll
    for (int j = 0; j < 4; ++j) sum += double(x.v[j]) * double(y.v[j]);
  }
  sum = block_reduce<threads>(sum, Plus());
  if (threadIdx.x == 0) shares[blockIdx.x] = sum;
}

// dw = (dy - <dy, w> / sigma v u') / sigma; dw may be dy.
__global__ void input_gradient(const float *dy, const float *u, const float *v, const float *sigma,
                               const double *shares, int count, Matrix m, float *dw) {
  const float norm = *sigma;
  const double along = sum_of_shares(shares, count) / double(norm);
  for (int64_t k = int64_t(blockIdx.x) * m.height() + m.own_row(); k < m.rows; k += int64_t(gridDim.x) * m.height()) {
    const float factor = float(along * double(v[k]));
    for (int64_t c = m.lane(); c < m.columns; c += m.lanes)
      dw[k * m.columns + c] = (dy[k * m.columns + c] - factor * u[c]) / norm;
  }
}

}  // namespace

void CudaBackend::spectral_iteration(ConstView w, View u, View v) {
  require_sides(w.shape, u.shape, v.shape);
  const Matrix m(w.shape);
  if (!w.shape.size()) return;
  const int64_t chunk = std::max<int64_t>(threads / m.lanes, ceil_div<int64_t>(m.rows, most_chunks));
  const int chunks = int(ceil_div(m.rows, chunk));
  // W u, and after its use the shares of W' v.
  double *const sums = scratch<double>(std::max(m.rows, chunks * m.columns));
  CUDA_LAUNCH(times_columns, m.blocks(4096), threads, 0, stream_, w.data, u.data, m, sums);
  CUDA_LAUNCH(unit_vector, 1, threads, 0, stream_, sums, 1, m.rows, v.data);
  const dim3 grid(unsigned(ceil_div<int64_t>(m.columns, m.lanes)), unsigned(chunks));
  CUDA_LAUNCH(times_rows, grid, threads, 0, stream_, w.data, v.data, m, chunk, sums);
  CUDA_LAUNCH(unit_vector, 1, threads, 0, stream_, sums, chunks, m.columns, u.data);
}

void CudaBackend::spectral_norm_forward(ConstView w, ConstView u, ConstView v, View y, View sigma) {
  check_spectral_norm_forward(w, u, v, y, sigma);
  const Matrix m(w.shape);
  const int64_t size = w.shape.size();
  if (!size) return;
  const int count = int(m.blocks(most_shares));
  double *const shares = scratch<double>(count);
  CUDA_LAUNCH(shares_of_norm, unsigned(count), threads, 0, stream_, w.data, u.data, v.data, m, shares);
  CUDA_LAUNCH(divide_by_norm, grid_for(ceil_div<int64_t>(size, 4), threads), threads, 0, stream_, w.data, shares, count,
              size, y.data, sigma.data);
}

void CudaBackend::spectral_norm_backward(ConstView w, ConstView dy, ConstView u, ConstView v, ConstView sigma,
                                         View dw) {
  check_spectral_norm_backward(w, dy, u, v, sigma, dw);
  const Matrix m(w.shape);
  const int64_t size = w.shape.size();
  if (!size) return;
  const int count = int(std::min<unsigned>(grid_for(ceil_div<int64_t>(size, 4), threads), most_shares));
  double *const shares = scratch<double>(count);
  CUDA_LAUNCH(shares_of_product, unsigned(count), threads, 0, stream_, dy.data, w.data, size, shares);
  CUDA_LAUNCH(input_gradient, m.blocks(4096), threads, 0, stream_, dy.data, u.data, v.data, sigma.data, shares, count,
              m, dw.data);
}

}  // namespace coopnets
