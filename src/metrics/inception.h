// FID's Inception-v3 (Szegedy et al.: Rethinking the Inception architecture, 2016; the TensorFlow weights of December
// 2015): 1008 logits, 2048 features after the third pooling. It differs from the one that torchvision has: average
// pools of the blocks leave padding out of their mean, the last block pools by maximum, batch norm has epsilon 1e-3.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "data/image.h"
#include "tensor/safetensors.h"
#include "tensor/tensor.h"

namespace coopnets {

class Inception {
 public:
  // "NAME.filters" [1,kH,kW,Cin,Cout] with batch norm folded in, and "NAME.bias" [1,1,1,1,Cout], for each convolution;
  // "fc.filters" [1,1,1,2048,1008], the logits having no bias. Throws std::runtime_error when one is missing or of
  // another shape.
  Inception(Backend &, std::map<std::string, Tensor> weights);
  // The same from the file that tools/convert_inception.py writes; a value that is not finite is refused, too.
  Inception(Backend &, const SafetensorsFile &);
  static bool is_in(const SafetensorsFile &);
  // What the logits stand for, where the file says so.
  const std::vector<std::string> &categories() const { return categories_; }

  struct Output {
    std::vector<real> pool3, logits;  // [count, 2048] and [count, 1008]
  };
  // Pictures of three channels, resized to 299x299 and normalised as in TensorFlow's graph.
  Output forward(const std::vector<Image> &);
  // Of normalised pictures [N,1,H,W,3], at least 75 pixels a side; `seen` is shown what each layer makes.
  using Seen = std::function<void(const std::string &layer, const Tensor &)>;
  Output forward(Tensor x, const Seen &seen = nullptr);

 private:
  struct Stage {
    std::string name;
    int64_t channels, height, width;  // of the output, of the window
    int64_t stride = 1;
    bool same = true;  // padded so that stride 1 keeps the size
  };
  Tensor conv(const Tensor &x, const Stage &) const;
  Tensor chain(const Tensor &x, const std::string &block, const std::vector<Stage> &) const;
  Tensor block_a(const Tensor &x, const std::string &name, int64_t pooled) const;
  Tensor block_b(const Tensor &x, const std::string &name) const;
  Tensor block_c(const Tensor &x, const std::string &name, int64_t inner) const;
  Tensor block_d(const Tensor &x, const std::string &name) const;
  Tensor block_e(const Tensor &x, const std::string &name, bool last) const;
  const Tensor &weight(const std::string &name, const Shape &) const;
  void check();

  Backend &backend_;
  std::map<std::string, Tensor> weights_;
  std::vector<std::string> categories_;
};

// --- What Inception has beside convolutions, on [N,1,H,W,C] ----------------------------------------------------------
// TensorFlow 1's bilinear resize: output i reads the input at i * in / out (no half pixels, corners not aligned), the
// upper neighbour clamped to the last. Not antialiased. Pixels as they are, 0 to 255.
std::vector<real> resize_bilinear_tf1(const Image &, int64_t height, int64_t width);
Tensor average_pool_3x3(const Tensor &x);                  // stride 1, same size, mean of what is inside
Tensor max_pool_3x3(const Tensor &x, int64_t stride);      // stride 1: same size; stride 2: inside alone
Tensor concatenate_channels(const std::vector<Tensor> &);  // of equal positions

}  // namespace coopnets
