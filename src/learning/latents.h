// Latent vectors as a generator takes them: a tensor for each of its inputs. On the host one latent vector is a flat
// list, the elements of its inputs one after the other.
#pragma once
#include "tensor/tensor.h"

namespace coopnets {

class Latents {
 public:
  Latents() = default;
  Latents(Backend &, const std::vector<Shape> &inputs, int64_t count);

  std::vector<View> views() const;
  int64_t count() const { return inputs_.empty() ? 0 : inputs_[0].shape().n; }
  int64_t size() const;  // elements of one latent vector

  void draw(RandomKey, int64_t first = 0);        // N(0, I), by the clock's iteration: those from `first` on, the key's
  void set(const std::vector<real> &some);        // the first of them; the others keep what they are
  std::vector<real> values(int64_t count) const;  // of the first of them
  NamedViews named(const std::string &name) const;  // "latents", or "latents.0", "latents.1" of several inputs

 private:
  std::vector<Tensor> inputs_;
};

// Latent vector number k of a seed: the same whatever is drawn beside it.
std::vector<real> draw_latent(int64_t size, uint64_t seed, int64_t k);

}  // namespace coopnets
