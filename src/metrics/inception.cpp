#include "metrics/inception.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace coopnets {

namespace {

constexpr char format[] = "coopnets inception 2015-12-05";
constexpr int64_t side = 299;

// Every tensor of the file; their sizes are those of the file, whatever its header claims.
std::map<std::string, Tensor> read_weights(Backend &backend, const SafetensorsFile &file) {
  std::map<std::string, Tensor> weights;
  for (const StoredTensor &stored : file.tensors()) {
    if (stored.shape.size() != 5)
      throw std::runtime_error(file.path() + ": the tensor " + stored.name + " should have five axes");
    std::vector<real> values(stored.size());
    file.read_reals(stored, 0, stored.size(), values.data());
    if (!std::all_of(values.begin(), values.end(), [](real v) { return std::isfinite(v); }))
      throw std::runtime_error(file.path() + ": the tensor " + stored.name +
                               " holds a value that is not a finite number");
    const std::vector<int64_t> &s = stored.shape;
    if (!values.empty()) weights.emplace(stored.name, Tensor(backend, {s[0], s[1], s[2], s[3], s[4]}, values));
  }
  return weights;
}

template <class... Parts>
Tensor joined(Parts... parts) {
  std::vector<Tensor> all;
  (all.push_back(std::move(parts)), ...);
  return concatenate_channels(all);
}

}  // namespace

Inception::Inception(Backend &backend, std::map<std::string, Tensor> weights)
    : backend_(backend), weights_(std::move(weights)) {
  check();
}

Inception::Inception(Backend &backend, const SafetensorsFile &file)
    : backend_(backend), weights_(read_weights(backend, file)) {
  try {
    check();
    if (const auto names = file.metadata().find("categories"); names != file.metadata().end()) {
      std::istringstream lines(names->second);
      for (std::string line; std::getline(lines, line);) categories_.push_back(line);
      if (categories_.size() > 1008) throw std::runtime_error("it names more categories than there are logits, 1008");
    }
  } catch (const std::runtime_error &error) {
    throw std::runtime_error(file.path() + ": " + error.what());
  }
}

bool Inception::is_in(const SafetensorsFile &file) {
  const auto found = file.metadata().find("format");
  return found != file.metadata().end() && found->second == format;
}

// The smallest picture passes through, so that whatever is missing is found at once.
void Inception::check() { forward(Tensor(backend_, {1, 1, 75, 75, 3})); }

const Tensor &Inception::weight(const std::string &name, const Shape &shape) const {
  const auto found = weights_.find(name);
  if (found == weights_.end() || found->second.shape() != shape)
    throw std::runtime_error("Inception's weights need " + name + " of shape " + shape.str());
  return found->second;
}

// ReLU(conv(x) + bias): batch norm is folded into both.
Tensor Inception::conv(const Tensor &x, const Stage &s) const {
  const auto axis = [&s](int64_t kernel) {
    const int64_t pad = s.same ? kernel / 2 : 0;
    return Axis{kernel, s.stride, pad, pad};
  };
  const Window window{{}, axis(s.height), axis(s.width)};
  const Tensor &filters = weight(s.name + ".filters", filter_shape(window, x.shape().c, s.channels));
  const Tensor &bias = weight(s.name + ".bias", {1, 1, 1, 1, s.channels});
  Tensor y(backend_, window.out(x.shape(), s.channels));
  backend_.conv_forward(x, filters, window, {bias, {Activation::leaky_relu, 0}}, y);
  return y;
}

Tensor Inception::chain(const Tensor &x, const std::string &block, const std::vector<Stage> &stages) const {
  Tensor y;
  for (Stage stage : stages) {
    stage.name = block + ".branch" + stage.name;
    y = conv(y.size() ? y : x, stage);
  }
  return y;
}

Tensor Inception::block_a(const Tensor &x, const std::string &b, int64_t pooled) const {
  return joined(chain(x, b, {{"1x1", 64, 1, 1}}), chain(x, b, {{"5x5_1", 48, 1, 1}, {"5x5_2", 64, 5, 5}}),
                chain(x, b, {{"3x3dbl_1", 64, 1, 1}, {"3x3dbl_2", 96, 3, 3}, {"3x3dbl_3", 96, 3, 3}}),
                chain(average_pool_3x3(x), b, {{"_pool", pooled, 1, 1}}));
}

Tensor Inception::block_b(const Tensor &x, const std::string &b) const {
  return joined(chain(x, b, {{"3x3", 384, 3, 3, 2, false}}),
                chain(x, b, {{"3x3dbl_1", 64, 1, 1}, {"3x3dbl_2", 96, 3, 3}, {"3x3dbl_3", 96, 3, 3, 2, false}}),
                max_pool_3x3(x, 2));
}

Tensor Inception::block_c(const Tensor &x, const std::string &b, int64_t inner) const {
  return joined(chain(x, b, {{"1x1", 192, 1, 1}}),
                chain(x, b, {{"7x7_1", inner, 1, 1}, {"7x7_2", inner, 1, 7}, {"7x7_3", 192, 7, 1}}),
                chain(x, b,
                      {{"7x7dbl_1", inner, 1, 1},
                       {"7x7dbl_2", inner, 7, 1},
                       {"7x7dbl_3", inner, 1, 7},
                       {"7x7dbl_4", inner, 7, 1},
                       {"7x7dbl_5", 192, 1, 7}}),
                chain(average_pool_3x3(x), b, {{"_pool", 192, 1, 1}}));
}

Tensor Inception::block_d(const Tensor &x, const std::string &b) const {
  return joined(
      chain(x, b, {{"3x3_1", 192, 1, 1}, {"3x3_2", 320, 3, 3, 2, false}}),
      chain(x, b,
            {{"7x7x3_1", 192, 1, 1}, {"7x7x3_2", 192, 1, 7}, {"7x7x3_3", 192, 7, 1}, {"7x7x3_4", 192, 3, 3, 2, false}}),
      max_pool_3x3(x, 2));
}

Tensor Inception::block_e(const Tensor &x, const std::string &b, bool last) const {
  const Tensor three = chain(x, b, {{"3x3_1", 384, 1, 1}});
  const Tensor twice = chain(x, b, {{"3x3dbl_1", 448, 1, 1}, {"3x3dbl_2", 384, 3, 3}});
  return joined(chain(x, b, {{"1x1", 320, 1, 1}}), chain(three, b, {{"3x3_2a", 384, 1, 3}}),
                chain(three, b, {{"3x3_2b", 384, 3, 1}}), chain(twice, b, {{"3x3dbl_3a", 384, 1, 3}}),
                chain(twice, b, {{"3x3dbl_3b", 384, 3, 1}}),
                chain(last ? max_pool_3x3(x, 1) : average_pool_3x3(x), b, {{"_pool", 192, 1, 1}}));
}

Inception::Output Inception::forward(Tensor x, const Seen &seen) {
  const auto layer = [&](const std::string &name, Tensor y) {
    x = std::move(y);
    if (seen) seen(name, x);
  };
  const auto stem = [&](const Stage &stage) { layer(stage.name, conv(x, stage)); };
  stem({"Conv2d_1a_3x3", 32, 3, 3, 2, false});
  stem({"Conv2d_2a_3x3", 32, 3, 3, 1, false});
  stem({"Conv2d_2b_3x3", 64, 3, 3});
  layer("maxpool1", max_pool_3x3(x, 2));
  stem({"Conv2d_3b_1x1", 80, 1, 1});
  stem({"Conv2d_4a_3x3", 192, 3, 3, 1, false});
  layer("maxpool2", max_pool_3x3(x, 2));
  layer("Mixed_5b", block_a(x, "Mixed_5b", 32));
  layer("Mixed_5c", block_a(x, "Mixed_5c", 64));
  layer("Mixed_5d", block_a(x, "Mixed_5d", 64));
  layer("Mixed_6a", block_b(x, "Mixed_6a"));
  layer("Mixed_6b", block_c(x, "Mixed_6b", 128));
  layer("Mixed_6c", block_c(x, "Mixed_6c", 160));
  layer("Mixed_6d", block_c(x, "Mixed_6d", 160));
  layer("Mixed_6e", block_c(x, "Mixed_6e", 192));
  layer("Mixed_7a", block_d(x, "Mixed_7a"));
  layer("Mixed_7b", block_e(x, "Mixed_7b", false));
  layer("Mixed_7c", block_e(x, "Mixed_7c", true));

  // pool3: the mean over positions.
  const Shape last = x.shape();
  const std::vector<real> values = x.values();
  const int64_t positions = last.h * last.w;
  std::vector<real> pooled(last.n * last.c);
  for (int64_t n = 0; n < last.n; ++n)
    for (int64_t c = 0; c < last.c; ++c) {
      double sum = 0;
      for (int64_t p = 0; p < positions; ++p) sum += values[(n * positions + p) * last.c + c];
      pooled[n * last.c + c] = real(sum / double(positions));
    }
  layer("pool3", Tensor(backend_, {last.n, 1, 1, 1, last.c}, pooled));
  Tensor logits(backend_, {last.n, 1, 1, 1, 1008});
  backend_.conv_forward(x, weight("fc.filters", {1, 1, 1, last.c, 1008}), {}, {}, logits);
  layer("logits", std::move(logits));
  return {pooled, x.values()};
}

Inception::Output Inception::forward(const std::vector<Image> &pictures) {
  std::vector<real> x;
  for (const Image &picture : pictures) {
    if (picture.channels != 3) throw std::invalid_argument("Inception takes pictures of three channels");
    for (const real v : resize_bilinear_tf1(picture, side, side)) x.push_back((v - 128) / 128);
  }
  return forward(Tensor(backend_, {int64_t(pictures.size()), 1, side, side, 3}, x));
}

}  // namespace coopnets
