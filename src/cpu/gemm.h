// Blocked matrix products C = A B whose operands are packed piece by piece from wherever they live: the engine of the
// convolutions.
//
//             columns (col_block)
//          +--------+--------+--+  depth
//          |   B    | panel  |  |  (depth_block)
//          +--------+--------+--+
//   +----+ +--------+--------+--+
//   | A  | |        |        |  |
//   |----| |-----+--|        |  |
//   |tile| |14x2 |  |   C    |  |  rows (row_block)
//   +----+ +-----+--+--------+--+
//
//   A [rows x depth] is packed in blocks that keep their row-major order, each line a_stride long: lines of a picture
//   are copied, never transposed. B [depth x columns] is packed in panels 2 vectors wide (the last may be 1). A row tile
//   (at most max_rows) times a panel is one call of the microkernel: its max_rows x 2 accumulators stay in registers,
//   and each step broadcasts one element of A a row. C: a task's block stays in its thread's cache until its depth is
//   exhausted. A task is (row block, column block, split of the depth); tasks are dealt to threads.
//
// Blocks and splits follow from the sizes alone, so a result is bit-identical on any number of threads.
//
// What each step brought (one core, AVX-512, fp32; of the core's multiply-add peak):
//   14 x 2 microkernel on packed operands in the cache           98 % (223 of 242 GFLOP/s, 92 %, where A lies by depth)
//   whole layers, K and N in the hundreds to thousands           55 to 80 %: the rest is packing, C and memory
//   row blocks of 224 instead of 512, panels prefetched          1.03 to 1.10 x on layers whose B is megabytes
#pragma once
#include <cstdint>
#include <type_traits>

#include "cpu/cpu_backend.h"
#include "tensor/parallel.h"

namespace coopnets {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64, max_rows = 14;
#elif defined(__AVX__)
constexpr int vector_bytes = 32, max_rows = 6;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, max_rows = 12;
#else
constexpr int vector_bytes = 16, max_rows = 6;
#endif
typedef real Vector __attribute__((vector_size(vector_bytes)));
constexpr int lanes = vector_bytes / sizeof(real);
typedef std::conditional_t<sizeof(real) == 4, int32_t, int64_t> LaneIndex __attribute__((vector_size(vector_bytes)));
inline LaneIndex lane_numbers() {
  LaneIndex numbers;
  for (int i = 0; i < lanes; ++i) numbers[i] = i;
  return numbers;
}

constexpr int64_t depth_block = 256;
constexpr int64_t a_stride =
    depth_block + 64 / sizeof(real);  // an odd number of cache lines: rows spread over the sets

// One product. The packing functions read the operands; `store` receives finished tiles.
class Product {
 public:
  virtual ~Product() = default;
  int64_t rows = 0, columns = 0, depth = 0;
  // How pack_a lays out its block: by_depth false: [row][depth], true: [depth][row]; lines are a_stride long.
  bool by_depth = false;

  virtual void pack_a(int64_t row, int64_t rows, int64_t step, int64_t steps, real *to) const = 0;
  // Panels of steps x panel_width(columns left), lanes beyond `columns` zero: see pack_rows and pack_columns.
  virtual void pack_b(int64_t step, int64_t steps, int64_t column, int64_t columns, real *to) const = 0;
  virtual void store(int64_t row, int64_t rows, int64_t column, int64_t columns, const real *c,
                     int64_t stride) const = 0;
};

// So many multiply-adds are worth waking the backend's threads, or they are not.
inline double multiply_adds(const Product &p) { return double(p.rows) * double(p.columns) * double(p.depth); }
Sleepers sleepers(double multiply_adds);

// Runs the products on the threads of the backend, the tasks of all together.
void multiply(CpuBackend &, const std::vector<const Product *> &);

// The same in pieces, for a caller who deals out the rows: pack B once, then multiply any rows [first, last) on the
// calling thread; tiles are stored in a fixed order. `packed` holds packed_size elements, `work` row_work(p).
int64_t packed_size(const Product &);
void pack(CpuBackend &, const Product &, real *packed);
int64_t row_work(const Product &);
void multiply_rows(const Product &, int64_t first, int64_t last, const real *packed, real *work);

// Panels of a matrix given by rows: B[step][column] = from[step * stride + column].
void pack_rows(const real *from, int64_t stride, int64_t steps, int64_t columns, real *to);
// Panels of a matrix given by columns: B[step][column] = from[column * stride + step]. Only steps [at, at + count) of
// panels that are `steps` deep are written.
void pack_columns(const real *from, int64_t stride, int64_t at, int64_t count, int64_t steps, int64_t columns,
                  real *to);

}  // namespace coopnets
