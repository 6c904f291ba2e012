// Pooling, joining and resizing: little work beside the convolutions, so it is done on the host.
#include <algorithm>
#include <stdexcept>

#include "tensor/parallel.h"

#include "metrics/inception.h"

namespace coopnets {

std::vector<real> resize_bilinear_tf1(const Image &image, int64_t height, int64_t width) {
  std::vector<real> out(height * width * image.channels);
  for (int64_t i = 0; i < height; ++i) {
    const double y = double(i) * double(image.height) / double(height);
    const int64_t top = int64_t(y), bottom = std::min(top + 1, image.height - 1);
    for (int64_t j = 0; j < width; ++j) {
      const double x = double(j) * double(image.width) / double(width);
      const int64_t left = int64_t(x), right = std::min(left + 1, image.width - 1);
      for (int64_t c = 0; c < image.channels; ++c) {
        const double above =
            image.at(top, left)[c] + (x - double(left)) * (image.at(top, right)[c] - image.at(top, left)[c]);
        const double below =
            image.at(bottom, left)[c] + (x - double(left)) * (image.at(bottom, right)[c] - image.at(bottom, left)[c]);
        out[(i * width + j) * image.channels + c] = real(above + (y - double(top)) * (below - above));
      }
    }
  }
  return out;
}

namespace {

// y[n,i,j,c] = reduce over the pixels of x inside the 3x3 window whose corner is (i, j) * stride - before.
template <class Reduce>
Tensor pool_3x3(const Tensor &x, int64_t stride, int64_t before, const Reduce &reduce) {
  const Shape in = x.shape();
  const Axis axis{3, stride, before, before};
  const Shape out{in.n, 1, axis.out(in.h), axis.out(in.w), in.c};
  const std::vector<real> from = x.values();
  std::vector<real> to(out.size());
  parallel_for(in.n * out.h, [&](int64_t line) {
    const int64_t n = line / out.h, i = line % out.h;
    for (int64_t j = 0; j < out.w; ++j) {
      const int64_t top = std::max<int64_t>(i * stride - before, 0), left = std::max<int64_t>(j * stride - before, 0);
      const int64_t bottom = std::min(i * stride - before + 3, in.h), right = std::min(j * stride - before + 3, in.w);
      real *y = to.data() + ((n * out.h + i) * out.w + j) * out.c;
      std::copy_n(from.data() + ((n * in.h + top) * in.w + left) * in.c, in.c, y);
      for (int64_t v = top; v < bottom; ++v)
        for (int64_t u = left; u < right; ++u)
          if (v > top || u > left) reduce.add(from.data() + ((n * in.h + v) * in.w + u) * in.c, y, in.c);
      reduce.finish(y, in.c, (bottom - top) * (right - left));
    }
  });
  return Tensor(x.backend(), out, to);
}

struct Mean {
  void add(const real *x, real *y, int64_t channels) const {
    for (int64_t c = 0; c < channels; ++c) y[c] += x[c];
  }
  void finish(real *y, int64_t channels, int64_t count) const {
    for (int64_t c = 0; c < channels; ++c) y[c] /= real(count);
  }
};

struct Maximum {
  void add(const real *x, real *y, int64_t channels) const {
    for (int64_t c = 0; c < channels; ++c) y[c] = x[c] > y[c] ? x[c] : y[c];
  }
  void finish(real *, int64_t, int64_t) const {}
};

}  // namespace

Tensor average_pool_3x3(const Tensor &x) { return pool_3x3(x, 1, 1, Mean()); }

Tensor max_pool_3x3(const Tensor &x, int64_t stride) { return pool_3x3(x, stride, stride == 1 ? 1 : 0, Maximum()); }

Tensor concatenate_channels(const std::vector<Tensor> &parts) {
  Shape shape = parts.at(0).shape();
  const int64_t positions = shape.positions();
  shape.c = 0;
  for (const Tensor &part : parts) {
    if (part.shape().positions() != positions) throw std::invalid_argument("joined channels need equal positions");
    shape.c += part.shape().c;
  }
  std::vector<real> all(shape.size());
  int64_t first = 0;
  for (const Tensor &part : parts) {
    const std::vector<real> values = part.values();
    const int64_t channels = part.shape().c;
    for (int64_t p = 0; p < positions; ++p)
      std::copy_n(values.data() + p * channels, channels, all.data() + p * shape.c + first);
    first += channels;
  }
  return Tensor(parts[0].backend(), shape, all);
}

}  // namespace coopnets
