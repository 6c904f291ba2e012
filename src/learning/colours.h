// A change of colours: nets see A (x - m), whose channels are uncorrelated with mean 0 and variance 1, or somewhat less
// where they are faint. Noise of one deviation then hides the faint differences between a photograph's channels no
// sooner than its light and dark, and what noise is left in a sample is as faint in colour as the data are.
#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

class Colours {
 public:
  // At first A = I and m = 0.
  Colours(Backend &, int64_t channels);

  // m is the mean of examples [...,channels], their covariance + ridge I = L L' and A = L^-1. The ridge, a hundredth of
  // the channels' mean variance, keeps channels that hardly differ from being blown up. Throws std::invalid_argument
  // without examples.
  void learn(const std::vector<real> &examples);
  // Of x [N,T,H,W,channels], in place.
  void to_net(View x) { apply(to_net_, x); }    // A (x - m)
  void to_data(View x) { apply(to_data_, x); }  // L x + m
  NamedViews state();

 private:
  struct Linear {
    Tensor filter, offset;  // [1,1,1,C,C], [1,1,1,1,C]
    void set(const std::vector<double> &matrix, const std::vector<double> &offset);
  };
  void apply(const Linear &, View x);
  Linear to_net_, to_data_;
  Tensor before_;
};

}  // namespace coopnets
