#include "tensor/tensor.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

const char *name_of(Precision precision) {
  static const char *const names[] = {"fp32", "tf32", "bf16", "tf32x3"};
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

// Through the host, in pieces that go over the ends of tensors: one piece travels as fast as many small ones do slowly.
void sum_over_ranks(Backend &backend, const std::vector<View> &all) {
  constexpr int64_t piece = int64_t{1} << 22;
  if (backend.ranks().count() == 1) return;
  std::vector<real> host;
  std::vector<View> parts;
  const auto sum = [&] {
    backend.ranks().sum(host.data(), int64_t(host.size()));
    const real *from = host.data();
    for (const View &part : parts) {
      backend.upload(from, part.data, size_t(part.shape.size()) * sizeof(real));
      from += part.shape.size();
    }
    host.clear();
    parts.clear();
  };
  for (const View &view : all)
    for (int64_t first = 0, some; first < view.shape.size(); first += some) {
      const int64_t held = int64_t(host.size());
      some = std::min(piece - held, view.shape.size() - first);
      parts.push_back({{1, 1, 1, 1, some}, view.data + first});
      host.resize(size_t(held + some));
      backend.download(view.data + first, host.data() + held, size_t(some) * sizeof(real));
      if (held + some == piece) sum();
    }
  if (!host.empty()) sum();
}

ConstView whole_batch(Backend &backend, ConstView own, int64_t count, Tensor &whole) {
  Ranks &ranks = backend.ranks();
  if (ranks.count() == 1) return own;
  const Shape shape = own.shape.with_n(count);
  if (whole.size() != shape.size()) whole = Tensor(backend, shape);
  std::vector<size_t> bytes;
  for (int r = 0; r < ranks.count(); ++r)
    bytes.push_back(size_t(ranks.share(count, r).count * shape.example()) * sizeof(real));
  std::vector<real> all(static_cast<size_t>(shape.size()));
  ranks.gather(values(backend, own).data(), bytes, all.data());
  whole.set_values(all);
  return whole;
}

}  // namespace coopnets
