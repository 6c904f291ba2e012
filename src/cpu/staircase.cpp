// One convolution forwards, from its definition to what conv_forward() runs: the same products, added up in another
// order at each step. The first three are loops that can be read alone; the others are this folder's.
#include "cpu/conv.h"

#include <algorithm>
#include <cstring>

namespace coopnets {

namespace {

// The pixel [Cin] that output `position` sees through tap `k`; null beyond the edge.
const real *pixel(const Convolution &c, const real *x, int64_t position, int64_t k) {
  const int64_t v = c.w.first(position % c.w.out) + k % c.w.kernel;
  const int64_t h = c.h.first(position / c.w.out % c.h.out) + k / c.w.kernel % c.h.kernel;
  const int64_t t = c.t.first(position / (c.w.out * c.h.out) % c.t.out) + k / (c.w.kernel * c.h.kernel);
  if (!c.w.has(v) || !c.h.has(h) || !c.t.has(t)) return nullptr;
  const int64_t n = position / (c.w.out * c.h.out * c.t.out);
  return x + (((n * c.t.in + t) * c.h.in + h) * c.w.in + v) * c.cin;
}

// y[o] = sum over taps k and channels i of x[o + k][i] w[k][i][o's channel]: each output by itself. Filters are read
// Cout apart, so that each multiply-add fetches a line of memory for one number of it.
void one_by_one(Backend &, ConstView x, ConstView w, const Window &window, View y) {
  const Convolution c = unfolded(x, y, window);
  for (int64_t position = 0; position < c.y_shape().positions(); ++position)
    for (int64_t channel = 0; channel < c.cout; ++channel) {
      real sum = 0;
      for (int64_t k = 0; k < c.taps(); ++k)
        if (const real *const seen = pixel(c, x.data, position, k))
          for (int64_t i = 0; i < c.cin; ++i) sum += seen[i] * w.data[(k * c.cin + i) * c.cout + channel];
      y.data[position * c.cout + channel] = sum;
    }
}

// All channels of a position together: the innermost loop runs along memory, a vector at a time. But each multiply-add
// loads and stores its sum.
void along_memory(Backend &, ConstView x, ConstView w, const Window &window, View y) {
  const Convolution c = unfolded(x, y, window);
  std::fill_n(y.data, y.shape.size(), real(0));
  for (int64_t position = 0; position < c.y_shape().positions(); ++position)
    for (int64_t k = 0; k < c.taps(); ++k)
      if (const real *const seen = pixel(c, x.data, position, k))
        for (int64_t i = 0; i < c.cin; ++i) {
          const real *const filters = w.data + (k * c.cin + i) * c.cout;
          real *const sums = y.data + position * c.cout;
          for (int64_t channel = 0; channel < c.cout; ++channel) sums[channel] += seen[i] * filters[channel];
        }
}

// Sums of max_rows positions by two vectors of channels, over the channels that the positions see.
void add_products(const real *const *seen, const real *filters, int64_t count, Vector (&sums)[max_rows][2]) {
  Vector sum[max_rows][2];  // in registers
#pragma GCC unroll 16
  for (int r = 0; r < max_rows; ++r)
    for (int v = 0; v < 2; ++v) sum[r][v] = sums[r][v];
  for (int64_t i = 0; i < count; ++i) {
    const Vector one = *reinterpret_cast<const Loose *>(filters + i * panel_columns);
    const Vector two = *reinterpret_cast<const Loose *>(filters + i * panel_columns + lanes);
#pragma GCC unroll 16
    for (int r = 0; r < max_rows; ++r) {
      sum[r][0] += seen[r][i] * one;
      sum[r][1] += seen[r][i] * two;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < max_rows; ++r)
    for (int v = 0; v < 2; ++v) sums[r][v] = sum[r][v];
}

// A tile of sums stays in registers: each load of filters serves all of its positions. The filters of its channels lie
// side by side in a copy.
void in_registers(Backend &, ConstView x, ConstView w, const Window &window, View y) {
  const Convolution c = unfolded(x, y, window);
  const std::vector<real> nothing(static_cast<size_t>(c.cin));
  const int64_t positions = c.y_shape().positions(), depth = c.taps() * c.cin;
  std::vector<real> filters(static_cast<size_t>(depth * panel_columns));
  for (int64_t channel = 0; channel < c.cout; channel += panel_columns) {
    const int64_t columns = std::min(c.cout - channel, panel_columns);
    for (int64_t i = 0; i < depth; ++i)
      std::copy_n(w.data + i * c.cout + channel, columns, filters.data() + i * panel_columns);
    for (int64_t first = 0; first < positions; first += max_rows) {
      const int64_t rows = std::min<int64_t>(positions - first, max_rows);
      Vector sums[max_rows][2] = {};
      for (int64_t k = 0; k < c.taps(); ++k) {
        const real *seen[max_rows];
        for (int64_t r = 0; r < max_rows; ++r) {
          const real *const one = r < rows ? pixel(c, x.data, first + r, k) : nullptr;
          seen[r] = one ? one : nothing.data();
        }
        add_products(seen, filters.data() + k * c.cin * panel_columns, c.cin, sums);
      }
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(y.data + (first + r) * c.cout + channel, sums[r], size_t(columns) * sizeof(real));
    }
  }
}

void run_alone(Backend &backend, const Plan &plan) {
  auto &cpu = static_cast<CpuBackend &>(backend);
  const int64_t own = round_up(plan.own_size, lanes);
  real *const scratch = cpu.scratch(size_t(own + plan.shared_size));
  for (int64_t task = 0; task < plan.pack_tasks; ++task) plan.pack(task, scratch + own);
  for (int64_t task = 0; task < plan.tasks; ++task) plan.run(task, scratch, scratch + own);
  for (int64_t task = 0; task < plan.add_tasks(); ++task) plan.add(task, scratch + own);
}

// A product of matrices, windows by filters. Blocks of both are copied in the order in which registers take them, small
// enough to stay in the caches.
void packed(Backend &backend, ConstView x, ConstView w, const Window &window, View y) {
  with_forward_product(x, w, window, y, [&](const Product &p) { run_alone(backend, *plan_packed(p)); });
}

// Only filters are copied: windows that slide along lines of a picture are read where it lies.
void on_lines(Backend &backend, ConstView x, ConstView w, const Window &window, View y) {
  with_forward_product(x, w, window, y, [&](const Product &p) {
    const std::unique_ptr<Plan> plan = plan_on_lines(p);
    run_alone(backend, plan ? *plan : *plan_packed(p));
  });
}

// conv_forward(): of 3x3 windows a quarter of the multiplications, where that takes less time.
void as_it_is(Backend &backend, ConstView x, ConstView w, const Window &window, View y) {
  backend.conv_forward(x, w, window, {}, y);
}

}  // namespace

std::vector<ConvStair> level_conv_staircase() {
  return {{"one output after the other", one_by_one},   {"the loop over channels innermost", along_memory},
          {"tiles of sums in registers", in_registers}, {"blocks packed for the caches", packed},
          {"pictures read where they lie", on_lines},   {"Winograd's products", as_it_is}};
}

}  // namespace coopnets
