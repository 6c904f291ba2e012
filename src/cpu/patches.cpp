#include "cpu/patches.h"

#include <algorithm>

#include "cpu/copy.h"

namespace coopnets {

namespace {

inline void zero(real *to, int64_t n) { std::fill(to, to + std::max<int64_t>(n, 0), real(0)); }

}  // namespace

void Patches::pack(int64_t row, int64_t rows, int64_t column, int64_t columns, real *to, int64_t stride) const {
  const int64_t run = w.kernel * channels, line = w.in * channels, hop = w.stride * channels;
  while (rows > 0) {  // the rows that share n, t, h
    const int64_t iw = row % w.out, ih = row / w.out % h.out, it = row / (w.out * h.out) % t.out;
    const int64_t n = row / (w.out * h.out * t.out), count = std::min(rows, w.out - iw);
    for (int64_t k = column; k < column + columns;) {  // the runs under them
      const int64_t tap = k / run, within = k % run, length = std::min(run - within, column + columns - k);
      const int64_t xt = it * t.stride - t.before + tap / h.kernel, xh = ih * h.stride - h.before + tap % h.kernel;
      real *dest = to + k - column;
      if (xt < 0 || xt >= t.in || xh < 0 || xh >= h.in) {
        for (int64_t i = 0; i < count; ++i) zero(dest + i * stride, length);
      } else {
        const real *from = x + ((n * t.in + xt) * h.in + xh) * line;
        int64_t start = iw * hop - w.before * channels + within;
        for (int64_t i = 0; i < count; ++i, start += hop) {
          real *d = dest + i * stride;
          if (start >= 0 && start + length <= line) {
            copy(from + start, d, length);
          } else {
            const int64_t first = std::clamp<int64_t>(-start, 0, length);
            const int64_t last = std::clamp<int64_t>(line - start, first, length);
            zero(d, first);
            copy(from + start + first, d + first, last - first);
            zero(d + last, length - last);
          }
        }
      }
      k += length;
    }
    row += count;
    rows -= count;
    to += count * stride;
  }
}

}  // namespace coopnets
