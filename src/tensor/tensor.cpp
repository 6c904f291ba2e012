#include "tensor/tensor.h"

#include <stdexcept>

namespace coopnets {

const char *name_of(Precision precision) {
  static const char *const names[] = {"fp32", "tf32", "bf16"};
  return names[int(precision)];
}

Tensor::Tensor(Backend &backend, const Shape &shape) : shape_(shape), memory_(backend, shape.size() * sizeof(real)) {
  backend.fill(*this, 0);
}

Tensor::Tensor(Backend &backend, const Shape &shape, const std::vector<real> &values)
    : shape_(shape), memory_(backend, shape.size() * sizeof(real)) {
  set_values(values);
}

std::vector<real> Tensor::values() const { return coopnets::values(backend(), *this); }

void Tensor::set_values(const std::vector<real> &values) {
  if (static_cast<int64_t>(values.size()) != shape_.size())
    throw std::invalid_argument(std::to_string(values.size()) + " values given for a tensor of " + shape_.str());
  backend().upload(values.data(), data(), values.size() * sizeof(real));
}

Readings::Readings(Backend &backend, int count, int moments)
    : memory_(backend, size_t(count) * size_t(1 + moments) * sizeof(double)), count_(count) {
  const std::vector<double> zeros(count);
  backend.upload(zeros.data(), memory_.data(), count * sizeof(double));
}

void Readings::keep(int moment) {
  const Shape bits{1, 1, 1, 1, count_ * int64_t(sizeof(double) / sizeof(real))};
  const auto view = [&](int row) { return View{bits, reinterpret_cast<real *>(slot(row * count_))}; };
  memory_.backend().copy(view(0), view(1 + moment));
}

std::vector<double> Readings::kept(int moment) const {
  std::vector<double> out(count_);
  memory_.backend().download(slot((1 + moment) * count_), out.data(), count_ * sizeof(double));
  return out;
}

std::vector<double> Readings::read() const {
  std::vector<double> out(count_);
  memory_.backend().download(memory_.data(), out.data(), count_ * sizeof(double));
  return out;
}

std::vector<real> values(Backend &backend, ConstView view) {
  std::vector<real> out(view.shape.size());
  backend.download(view.data, out.data(), out.size() * sizeof(real));
  return out;
}

}  // namespace coopnets
