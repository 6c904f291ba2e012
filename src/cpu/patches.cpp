#include "cpu/patches.h"

#include <algorithm>
#include <cstring>

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

bool Patches::are_x() const {
  for (const WindowAxis &a : {t, h, w})
    if (a.kernel != 1 || a.stride != 1 || a.before != 0 || a.in != a.out) return false;
  return true;
}

bool Patches::stay_inside() const {
  for (const WindowAxis &a : {t, h, w})
    if (!a.has(a.first(0)) || !a.has(a.first(a.out - 1) + a.kernel - 1)) return false;
  return true;
}

const real *Patches::at(int64_t n, int64_t ot, int64_t oh) const {
  return x + (((n * t.in + t.first(ot)) * h.in + h.first(oh)) * w.in + w.first(0)) * channels;
}

void Patches::copy_lines(int64_t n, int64_t ot, int64_t oh, int64_t count, real *to, int64_t frame) const {
  const int64_t columns = line_columns(), first = w.first(0);
  const int64_t left = std::clamp<int64_t>(-first, 0, columns), right = std::clamp(w.in - first, left, columns);
  for (int64_t i = 0; i < t.kernel; ++i)
    for (int64_t j = 0; j < lines_under(count); ++j) {
      const int64_t it = t.first(ot) + i, ih = h.first(oh) + j;
      real *const line = to + i * frame + j * columns * channels;
      if (!t.has(it) || !h.has(ih) || left == right) {
        zero(line, columns * channels);
        continue;
      }
      const real *const from = x + (((n * t.in + it) * h.in + ih) * w.in + first + left) * channels;
      zero(line, left * channels);
      std::memcpy(line + left * channels, from, (right - left) * channels * sizeof(real));
      zero(line + right * channels, (columns - right) * channels);
    }
}

}  // namespace coopnets
