#include "learning/latents.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

Latents::Latents(Backend &backend, const std::vector<Shape> &inputs, int64_t count) {
  for (const Shape &shape : inputs) inputs_.emplace_back(backend, shape.with_n(count));
}

std::vector<View> Latents::views() const { return {inputs_.begin(), inputs_.end()}; }

int64_t Latents::size() const {
  int64_t size = 0;
  for (const Tensor &input : inputs_) size += input.shape().example();
  return size;
}

void Latents::draw(RandomKey key, int64_t first) {
  for (size_t i = 0; i < inputs_.size(); ++i)
    inputs_[i].backend().fill_normal(View(inputs_[i]).examples(first, count() - first), 0, 1, key, int64_t(i));
}

void Latents::set(const std::vector<real> &some) {
  const int64_t whole = size(), given = int64_t(some.size()) / std::max<int64_t>(whole, 1);
  if (given * whole != int64_t(some.size()) || given < 1 || given > count())
    throw std::invalid_argument("from 1 to " + std::to_string(count()) + " latent vectors are taken");
  int64_t at = 0;
  for (Tensor &input : inputs_) {
    const int64_t own = input.shape().example();
    std::vector<real> part;
    for (int64_t k = 0; k < given; ++k) {
      const auto from = some.begin() + k * whole + at;
      part.insert(part.end(), from, from + own);
    }
    input.backend().upload(part.data(), input.data(), part.size() * sizeof(real));
    at += own;
  }
}

std::vector<real> Latents::values(int64_t wanted) const {
  const int64_t whole = size();
  std::vector<real> all(wanted * whole);
  int64_t at = 0;
  for (const Tensor &input : inputs_) {
    const int64_t own = input.shape().example();
    const std::vector<real> part = coopnets::values(input.backend(), ConstView(input).examples(0, wanted));
    for (int64_t k = 0; k < wanted; ++k) std::copy_n(part.begin() + k * own, own, all.begin() + k * whole + at);
    at += own;
  }
  return all;
}

NamedViews Latents::named(const std::string &name) const {
  NamedViews all;
  for (size_t i = 0; i < inputs_.size(); ++i)
    all.emplace_back(inputs_.size() == 1 ? name : name + '.' + std::to_string(i), inputs_[i]);
  return all;
}

std::vector<real> draw_latent(int64_t size, uint64_t seed, int64_t k) {
  std::vector<real> z(size);
  for (int64_t i = 0; i < size; ++i) {
    float n[4];
    normals(random_block({seed, Purpose::sample}, uint64_t(k), 0, uint64_t(i / 4)), n);
    z[i] = n[i % 4];
  }
  return z;
}

}  // namespace coopnets
