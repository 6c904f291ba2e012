#include "tensor/shape.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

std::string Shape::str() const {
  return std::to_string(n) + "x" + std::to_string(t) + "x" + std::to_string(h) + "x" + std::to_string(w) + "x" +
         std::to_string(c);
}

void require(bool condition, const char *message) {
  if (!condition) throw std::invalid_argument(message);
}

void require_same(const Shape &a, const Shape &b, const char *what) {
  if (a != b) throw std::invalid_argument(std::string(what) + ": shapes " + a.str() + " and " + b.str() + " differ");
}

int64_t Axis::out(int64_t size) const {
  const int64_t room = size + before + after - kernel;
  if (room < 0)
    throw std::invalid_argument("a window of " + std::to_string(kernel) + " does not fit into " + std::to_string(size) +
                                " elements padded by " + std::to_string(before) + " and " + std::to_string(after));
  return room / stride + 1;
}

Axis same(int64_t size, int64_t kernel, int64_t stride) {
  const int64_t outputs = (size + stride - 1) / stride;
  const int64_t padding = std::max<int64_t>((outputs - 1) * stride + kernel - size, 0);
  return {kernel, stride, padding / 2, padding - padding / 2};
}

Shape Window::out(const Shape &x, int64_t channels) const {
  return {x.n, t.out(x.t), h.out(x.h), w.out(x.w), channels};
}

Shape filter_shape(const Window &window, int64_t in, int64_t out) {
  return {window.t.kernel, window.h.kernel, window.w.kernel, in, out};
}

}  // namespace coopnets
