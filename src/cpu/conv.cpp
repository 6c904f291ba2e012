// The three convolutions as matrix products (gemm.h) over windows of the picture that are never stored in full.
//
//   forward            y  [positions x Cout]   =  patches(x) [positions x taps Cin]    w [taps Cin x Cout]
//   backward, filters  dw [taps Cin x Cout]    =  patches(x)^T                         dy [positions x Cout]
//   backward, input    dx: stride x stride x stride interleaved phases. The positions u with u + before = r
//                      (mod stride) see the taps k = r (mod stride) alone, so each phase is a dense stride-1 product
//                      without inserted zeros:
//                      dx_r [positions of r x Cin] = patches(dy) [.. x taps_r Cout]    w_r^T [taps_r Cout x Cin]
//                      An input of fewer channels than a vector has lanes takes the way of conv_scatter.cpp.
//
// A window as wide as its picture (a fully connected layer) is first folded into the channels, so that its patches are
// contiguous: fold().
#include "cpu/conv.h"

#include <algorithm>

#include "cpu/activation.h"
#include "cpu/parallel.h"

namespace coopnets {

namespace {

// [kT,kH,kW,Cin] over [T,H,W,Cin] is [1,kT,kH,kW*Cin] over [1,T,H,W*Cin] where a window covers whole lines exactly.
Convolution fold(const ConstView &x, const ConstView &y, const Window &window) {
  Convolution c = unfolded(x, y, window);
  for (int axes = 0; axes < 3 && c.w.out == 1 && c.w.kernel == c.w.in && c.w.before == 0; ++axes) {
    c.cin *= c.w.in;
    c.w = c.h;
    c.h = c.t;
    c.t = {};
  }
  return c;
}

void check(const ConstView &x, const ConstView &w, const Window &window, const ConstView &y) {
  require(w.shape == filter_shape(window, x.shape.c, y.shape.c),
          "convolution: the filters' shape is not window x input channels x output channels");
  require(y.shape == window.out(x.shape, y.shape.c),
          "convolution: the output's shape does not follow from the input's");
}

void check(const Epilogue &epilogue, const Shape &y) {
  require(!epilogue.bias.data || epilogue.bias.shape == Shape{1, 1, 1, 1, y.c},
          "convolution: the bias needs one value a channel");
  require(!epilogue.derivative.output.data || epilogue.derivative.output.shape == y,
          "convolution: the derivative needs one value an element");
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

class Forward final : public Product {
 public:
  Forward(const Convolution &c, const real *x, const real *w, const Epilogue &epilogue, real *y)
      : w_(w), epilogue_(epilogue), y_(y) {
    windows = {x, c.t, c.h, c.w, c.cin};
    rows = c.y_shape().positions();
    columns = c.cout;
    depth = windows.columns();
  }
  const real *panels() const override { return are_panels(w_, columns) ? w_ : nullptr; }
  void pack_b(int64_t step, int64_t steps, int64_t column, int64_t count, real *to) const override {
    pack_rows(w_ + step * columns + column, columns, steps, count, to);
  }
  void store(int64_t row, int64_t count, int64_t column, int64_t width, const real *c, int64_t stride) const override {
    finish({c, stride, count, width}, column, epilogue_, y_, row * columns + column, columns);
  }

 private:
  const real *w_;
  const Epilogue &epilogue_;
  real *y_;
};

class BackwardFilter final : public Product {
 public:
  BackwardFilter(const Convolution &c, const real *x, const real *dy, real *dw) : dy_(dy), dw_(dw) {
    windows = {x, c.t, c.h, c.w, c.cin};
    rows = windows.columns();
    columns = c.cout;
    depth = c.y_shape().positions();
    by_depth = true;
  }
  const real *panels() const override { return are_panels(dy_, columns) ? dy_ : nullptr; }
  void pack_b(int64_t step, int64_t steps, int64_t column, int64_t count, real *to) const override {
    pack_rows(dy_ + step * columns + column, columns, steps, count, to);
  }
  void store(int64_t row, int64_t count, int64_t column, int64_t width, const real *c, int64_t stride) const override {
    for (int64_t r = 0; r < count; ++r) std::copy_n(c + r * stride, width, dw_ + (row + r) * columns + column);
  }

 private:
  const real *dy_;
  real *dw_;
};

// One axis of one phase r: positions u = stride q + r - before for q in [first, first + count), which see dy[q - j]
// through tap k = r + stride j, j in [0, taps).
struct Phase {
  int64_t r, stride, before, taps, first, count;
  Phase(const WindowAxis &a, int64_t phase) : r(phase), stride(a.stride), before(a.before) {
    taps = r < a.kernel ? (a.kernel - r - 1) / stride + 1 : 0;
    first = -floor_div(r - before, stride);
    count = std::max<int64_t>(floor_div(a.in - 1 + before - r, stride) + 1 - first, 0);
  }
  // The same as a stride-1 window over dy; its tap number i is j = taps - 1 - i.
  WindowAxis over_dy(const WindowAxis &a) const { return {a.out, count, taps, 1, taps - 1 - first}; }
  int64_t tap(int64_t i) const { return r + stride * (taps - 1 - i); }
  int64_t position(int64_t i) const { return (first + i) * stride + r - before; }
};

class BackwardInput final : public Product {
 public:
  BackwardInput(const Convolution &c, Phase t, Phase h, Phase w, const real *dy, const real *filters,
                const Epilogue &epilogue, real *dx)
      : c_(c), t_(t), h_(h), w_(w), filters_(filters), epilogue_(epilogue), dx_(dx) {
    windows = {dy, t.over_dy(c.t), h.over_dy(c.h), w.over_dy(c.w), c.cout};
    rows = c.n * t.count * h.count * w.count;
    columns = c.cin;
    depth = windows.columns();
  }
  void pack_b(int64_t step, int64_t steps, int64_t column, int64_t count, real *to) const override {
    for (int64_t at = 0; at < steps;) {
      const int64_t tap = (step + at) / c_.cout, channel = (step + at) % c_.cout;
      const int64_t length = std::min(c_.cout - channel, steps - at);
      const int64_t kt = t_.tap(tap / (w_.taps * h_.taps)), kh = h_.tap(tap / w_.taps % h_.taps);
      const int64_t k = (kt * c_.h.kernel + kh) * c_.w.kernel + w_.tap(tap % w_.taps);
      pack_columns(filters_ + (k * columns + column) * c_.cout + channel, c_.cout, at, length, steps, count, to);
      at += length;
    }
  }
  void store(int64_t row, int64_t count, int64_t column, int64_t width, const real *c, int64_t stride) const override {
    for (int64_t r = 0; r < count;) {  // the rows of one line of dx
      const int64_t i = row + r, iw = i % w_.count, ih = i / w_.count % h_.count;
      const int64_t it = i / (w_.count * h_.count) % t_.count, n = i / (w_.count * h_.count * t_.count);
      const int64_t line = (n * c_.t.in + t_.position(it)) * c_.h.in + h_.position(ih);
      const int64_t here = std::min(count - r, w_.count - iw);
      finish({c + r * stride, stride, here, width}, column, epilogue_, dx_,
             (line * c_.w.in + w_.position(iw)) * columns + column, c_.w.stride * columns);
      r += here;
    }
  }

 private:
  const Convolution &c_;
  Phase t_, h_, w_;
  const real *filters_;
  const Epilogue &epilogue_;
  real *dx_;
};

}  // namespace

Convolution unfolded(const ConstView &x, const ConstView &y, const Window &window) {
  const auto axis = [](int64_t in, int64_t out, const Axis &a) {
    return WindowAxis{in, out, a.kernel, a.stride, a.before};
  };
  const Shape &i = x.shape, &o = y.shape;
  return {i.n, i.c, o.c, axis(i.t, o.t, window.t), axis(i.h, o.h, window.h), axis(i.w, o.w, window.w)};
}

void finish(const Piece &c, int64_t channel, const Epilogue &epilogue, real *y, int64_t at, int64_t stride) {
  const real *const output = epilogue.derivative.output.data;
  const auto for_vectors = [&](auto activation, auto derivative) {
    for (int64_t column = 0; column < c.columns; column += lanes) {
      const int64_t count = std::min<int64_t>(c.columns - column, lanes);
      real bias[lanes] = {};
      if (epilogue.bias.data) {  // columns are channels over and over where a window was folded into them
        const int64_t channels = epilogue.bias.shape.c;
        for (int64_t i = 0; i < count;) {
          const int64_t first = (channel + column + i) % channels, length = std::min(channels - first, count - i);
          std::copy_n(epilogue.bias.data + first, length, bias + i);
          i += length;
        }
      }
      const auto for_rows = [&](auto width) {  // a constant where it can be one
        for (int64_t r = 0; r < c.rows; ++r) {
          const real *const from = c.first + r * c.stride + column;
          real *const to = y + at + r * stride + column;
          const real *const o = output ? output + at + r * stride + column : from;
#pragma omp simd
          for (int64_t i = 0; i < int64_t(width); ++i) to[i] = activation(from[i] + bias[i]) * derivative(o[i]);
        }
      };
      if (count == lanes)
        for_rows(std::integral_constant<int64_t, lanes>());
      else
        for_rows(count);
    }
  };
  with_activation(epilogue.activation, [&](auto activation) {
    if (output)
      with_derivative(epilogue.derivative.activation, [&](auto derivative) { for_vectors(activation, derivative); });
    else
      for_vectors(activation, [](real) { return real(1); });
  });
}

void CpuBackend::conv_forward(ConstView x, ConstView w, const Window &window, const Epilogue &epilogue, View y) {
  check(x, w, window, y);
  check(epilogue, y.shape);
  const Convolution c = fold(x, y, window);
  const Forward product(c, x.data, w.data, epilogue, y.data);
  coopnets::multiply(*this, {&product});
}

void with_forward_product(ConstView x, ConstView w, const Window &window, View y,
                          const std::function<void(const Product &)> &run) {
  const Epilogue plain;
  run(Forward(fold(x, y, window), x.data, w.data, plain, y.data));
}

void CpuBackend::conv_backward_filter(ConstView x, ConstView dy, const Window &window, View dw) {
  check(x, dw, window, dy);
  const BackwardFilter product(fold(x, dy, window), x.data, dy.data, dw.data);
  coopnets::multiply(*this, {&product});
}

void CpuBackend::conv_backward_input(ConstView dy, ConstView w, const Window &window, const Epilogue &epilogue,
                                     View dx) {
  check(dx, w, window, dy);
  check(epilogue, dx.shape);
  const Convolution c = fold(dx, dy, window);
  if (c.cin < lanes) return conv_scatter(*this, c, dy.data, w.data, epilogue, dx.data);
  std::vector<BackwardInput> phases;
  for (int64_t t = 0; t < c.t.stride; ++t)
    for (int64_t h = 0; h < c.h.stride; ++h)
      for (int64_t v = 0; v < c.w.stride; ++v)
        phases.emplace_back(c, Phase(c.t, t), Phase(c.h, h), Phase(c.w, v), dy.data, w.data, epilogue, dx.data);
  std::vector<const Product *> products;
  for (const BackwardInput &phase : phases) products.push_back(&phase);
  coopnets::multiply(*this, products);
}

void CpuBackend::bias_backward(ConstView dy, View db) {
  const int64_t channels = dy.shape.c, positions = dy.shape.positions();
  require(db.shape == Shape{1, 1, 1, 1, channels}, "bias gradient: one value a channel is needed");
  constexpr int64_t chunk = 256;  // positions added up in `real`; their sums are added up in double, in order
  const int64_t chunks = chunks_of(positions, chunk);
  real *sums = scratch(chunks * channels);
  const int64_t together = std::max<int64_t>(elements_a_chunk / (chunk * channels), 1);
  for_chunks(threads_, positions, together * chunk, [=](int64_t begin, int64_t end) {
    real *sum = sums + begin / chunk * channels;
    for (int64_t first = begin; first < end; first += chunk, sum += channels) {
      std::fill_n(sum, channels, real(0));
      for (int64_t p = first; p < std::min(first + chunk, end); ++p)
        for (int64_t c = 0; c < channels; ++c) sum[c] += dy.data[p * channels + c];
    }
  });
  for (int64_t c = 0; c < channels; ++c) {
    double total = 0;
    for (int64_t i = 0; i < chunks; ++i) total += sums[i * channels + c];
    db.data[c] = real(total);
  }
}

}  // namespace coopnets
