// A change of colours: nets see A (x - m), whose channels are uncorrelated with mean 0 and variance 1. Noise of one
// deviation then hides the faint differences between a photograph's channels no sooner than its light and dark, and what
// noise is left in a sample is as faint in colour as the data are.
#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

class Colours {
 public:
  // At first A = I and m = 0.
  Colours(Backend &, int64_t channels);

  // From examples [...,channels]: their covariance + ridge I = L L' and A = L^-1. The ridge, a hundredth of the channels'
  // mean variance, keeps channels that hardly differ from being blown up. Throws std::invalid_argument without examples.
  void learn(const std::vector<real> &examples);
  // From x to y, [N,T,H,W,channels] both, which do not overlap.
  void to_net(ConstView x, View y) const { to_net_.apply(x, y); }    // y = A (x - m)
  void to_data(ConstView x, View y) const { to_data_.apply(x, y); }  // y = L x + m
  NamedViews state();

 private:
  struct Linear {
    Tensor filter, offset;  // [1,1,1,C,C], [1,1,1,1,C]
    void apply(ConstView x, View y) const;
    void set(const std::vector<double> &matrix, const std::vector<double> &offset);
  };
  Linear to_net_, to_data_;
};

}  // namespace coopnets
