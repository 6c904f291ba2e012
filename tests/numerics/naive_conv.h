// The three convolutions as their formulas in tensor/backend.h read: plain loops over all indices, in double.
#pragma once
#include <functional>
#include <vector>

#include "tensor/backend.h"

namespace coopnets {

struct NaiveConv {
  Shape x;
  Window window;
  int64_t cout;

  Shape w() const { return filter_shape(window, x.c, cout); }
  Shape y() const { return window.out(x, cout); }

  // Calls body(x index, w index, y index) for every product that the convolution adds up.
  template <class Body>
  void for_each_product(const Body &body) const {
    const Shape o = y();
    for (int64_t n = 0; n < o.n; ++n)
      for (int64_t ot = 0; ot < o.t; ++ot)
        for (int64_t oh = 0; oh < o.h; ++oh)
          for (int64_t ow = 0; ow < o.w; ++ow)
            for (int64_t kt = 0; kt < window.t.kernel; ++kt)
              for (int64_t kh = 0; kh < window.h.kernel; ++kh)
                for (int64_t kw = 0; kw < window.w.kernel; ++kw) {
                  const int64_t t = ot * window.t.stride - window.t.before + kt;
                  const int64_t h = oh * window.h.stride - window.h.before + kh;
                  const int64_t v = ow * window.w.stride - window.w.before + kw;
                  if (t < 0 || t >= x.t || h < 0 || h >= x.h || v < 0 || v >= x.w) continue;
                  const int64_t xi = (((n * x.t + t) * x.h + h) * x.w + v) * x.c;
                  const int64_t wi = ((kt * window.h.kernel + kh) * window.w.kernel + kw) * x.c * cout;
                  const int64_t yi = (((n * o.t + ot) * o.h + oh) * o.w + ow) * cout;
                  for (int64_t i = 0; i < x.c; ++i)
                    for (int64_t c = 0; c < cout; ++c) body(xi + i, wi + i * cout + c, yi + c);
                }
  }

  std::vector<double> forward(const std::vector<real> &vx, const std::vector<real> &vw) const {
    std::vector<double> out(y().size());
    for_each_product([&](int64_t i, int64_t k, int64_t o) { out[o] += double(vx[i]) * vw[k]; });
    return out;
  }
  std::vector<double> backward_input(const std::vector<real> &dy, const std::vector<real> &vw) const {
    std::vector<double> out(x.size());
    for_each_product([&](int64_t i, int64_t k, int64_t o) { out[i] += double(dy[o]) * vw[k]; });
    return out;
  }
  std::vector<double> backward_filter(const std::vector<real> &vx, const std::vector<real> &dy) const {
    std::vector<double> out(w().size());
    for_each_product([&](int64_t i, int64_t k, int64_t o) { out[k] += double(vx[i]) * dy[o]; });
    return out;
  }
};

}  // namespace coopnets
