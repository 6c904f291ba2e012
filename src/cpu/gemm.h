// Blocked matrix products C = A B: the engine of the convolutions. A is the windows that a convolution looks through
// (patches.h), or their transpose; B is packed from wherever it lives.
//
//             columns
//          +--------+--------+--+
//          |   B    | panel  |  |  depth
//          |        |        |  |
//          +--------+--------+--+
//   +----+ +--------+--------+--+
//   | A  | |        |        |  |
//   |    | |-----+--|        |  |
//   |tile| |14x2 |  |   C    |  |  rows
//   +----+ +-----+--+--------+--+
//
//   B [depth x columns] is packed in panels 2 vectors wide (the last may be 1). A row tile (at most max_rows) times a
//   panel is one call of the microkernel (gemm_kernel.h): its max_rows x 2 accumulators stay in registers, and each step
//   broadcasts one element of A a row. A reaches it in one of three ways:
//
//   lines.cpp    Where the windows slide along lines of a picture, a tile is a piece of a line, and A is read where the
//                picture lies: beside a padded edge from a copy of some lines with the zeros around them.
//   packed.cpp   Elsewhere (fully connected layers, a few positions of a great depth) blocks of A are copied, and the
//                depth is split among tasks where rows and columns are few.
//   winograd.cpp Under filters of 3x3 and stride 1 tiles of the picture are transformed first, where that takes less
//                time: 36 products with a quarter of the multiplications are left.
//
// Tasks follow from the sizes alone, so a result is bit-identical on any number of threads.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "cpu/cpu_backend.h"
#include "cpu/patches.h"
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
typedef real Loose __attribute__((vector_size(vector_bytes), aligned(alignof(real))));  // a vector at any address
constexpr int lanes = vector_bytes / sizeof(real);
typedef std::conditional_t<sizeof(real) == 4, int32_t, int64_t> LaneIndex __attribute__((vector_size(vector_bytes)));
inline LaneIndex lane_numbers() {
  LaneIndex numbers;
  for (int i = 0; i < lanes; ++i) numbers[i] = i;
  return numbers;
}
constexpr int64_t panel_columns = 2 * lanes;
constexpr int64_t max_columns = 256;  // of a task

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
inline int64_t padded(int64_t columns) { return round_up(columns, lanes); }

struct Range {
  int64_t first, last;
  int64_t count() const { return last - first; }
};
// The i-th of `parts` nearly equal parts of [0, total).
inline Range part(int64_t total, int64_t parts, int64_t i) {
  const auto start = [=](int64_t k) { return total / parts * k + std::min(k, total % parts); };
  return {start(i), start(i + 1)};
}

// One product. pack_b reads B; `store` receives finished pieces of C.
class Product {
 public:
  virtual ~Product() = default;
  int64_t rows = 0, columns = 0, depth = 0;
  Patches windows;        // A is their matrix,
  bool by_depth = false;  // or its transpose

  // Panels of steps x panel_width(columns left), lanes beyond `columns` zero: see pack_rows and pack_columns.
  virtual void pack_b(int64_t step, int64_t steps, int64_t column, int64_t columns, real *to) const = 0;
  // B where it is panels as it lies, else null.
  virtual const real *panels() const { return nullptr; }
  virtual void store(int64_t row, int64_t rows, int64_t column, int64_t columns, const real *c,
                     int64_t stride) const = 0;
};

inline double multiply_adds(const Product &p) { return double(p.rows) * double(p.columns) * double(p.depth); }
// So many multiply-adds are worth waking the backend's threads, or they are not.
inline Sleepers sleepers(double multiply_adds) { return wake_if(multiply_adds >= 1 << 20); }

// How a product is computed: three loops of tasks, one after the other. `shared` is scratch for all tasks, `own` for the
// calling thread's.
class Plan {
 public:
  explicit Plan(const Product &product) : p(product) {}
  virtual ~Plan() = default;
  virtual void pack(int64_t task, real *shared) const = 0;            // some of B, ahead of all
  virtual void run(int64_t task, real *own, real *shared) const = 0;  // some of C
  void add(int64_t task, real *shared) const;                         // some rows of the splits' sum
  int64_t add_tasks() const {
    return splits > 1 ? std::min(p.rows, ceil_div(splits * p.rows * p.columns, 1 << 15)) : 0;
  }

  const Product &p;
  int64_t own_size = 0, shared_size = 0;  // elements
  int64_t pack_tasks = 0, tasks = 0;

 protected:
  // C of split s of the depth, [rows x columns], which are kept at the start of `shared`.
  real *partial(int64_t split, real *shared) const { return shared + split * p.rows * p.columns; }
  int64_t partial_size() const { return splits > 1 ? round_up(splits * p.rows * p.columns, lanes) : 0; }
  // Stores a finished piece of C, of one split where there are several.
  void store(int64_t split, int64_t row, int64_t rows, Range columns, const real *c, int64_t stride,
             real *shared) const;
  int64_t splits = 1;
};
std::unique_ptr<Plan> plan_on_lines(const Product &);  // null where the product is none of lines
std::unique_ptr<Plan> plan_packed(const Product &);

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
// Whether a matrix given by rows, one after the other, is its own only panel.
bool are_panels(const real *from, int64_t columns);
// Panels of a matrix given by columns: B[step][column] = from[column * stride + step]. Only steps [at, at + count) of
// panels that are `steps` deep are written.
void pack_columns(const real *from, int64_t stride, int64_t at, int64_t count, int64_t steps, int64_t columns,
                  real *to);

}  // namespace coopnets
