// FID's Inception against PyTorch: tests/data/inception.txt is what tools/inception_golden.py wrote.
#include "metrics/inception.h"

#include <cmath>

#include "backends/backend.h"
#include "data/picture_files.h"
#include "files.h"
#include "inception_file.h"

namespace coopnets {
namespace {

std::vector<double> scaled(const std::string &name, int64_t count, double middle, double spread) {
  std::vector<double> values = noise_of(name, count);
  for (double &v : values) v = float(middle + spread * v);
  return values;
}

class InceptionTest : public testing::Test {
 protected:
  InceptionTest() {
    for (const InceptionFile::Conv &c : file.convs) add_conv(c.name, c.height, c.width, c.in, c.out);
    const std::vector<double> fc = scaled("fc.weight", 1008 * 2048, 0, std::sqrt(3.0 / 2048));
    std::vector<real> filters(fc.size());
    for (int64_t o = 0; o < 1008; ++o)
      for (int64_t i = 0; i < 2048; ++i) filters[i * 1008 + o] = real(fc[o * 2048 + i]);
    weights.emplace("fc.filters", Tensor(test_backend(), {1, 1, 1, 2048, 1008}, filters));
  }
  // PyTorch's [out, in, h, w] with the batch norm after it folded in.
  void add_conv(const std::string &name, int64_t h, int64_t w, int64_t in, int64_t out) {
    const std::vector<double> conv =
        scaled(name + ".conv.weight", out * in * h * w, 0, std::sqrt(6.0 / double(in * h * w)));
    const auto scale = scaled(name + ".bn.weight", out, 1, 0.5), shift = scaled(name + ".bn.bias", out, 0, 0.1);
    const auto mean = scaled(name + ".bn.running_mean", out, 0, 0.1);
    const auto variance = scaled(name + ".bn.running_var", out, 1, 0.5);
    std::vector<real> filters(conv.size()), bias(out);
    for (int64_t o = 0; o < out; ++o) {
      const double factor = scale[o] / std::sqrt(variance[o] + 0.001);
      bias[o] = real(shift[o] - mean[o] * factor);
      for (int64_t i = 0; i < in; ++i)
        for (int64_t k = 0; k < h * w; ++k)
          filters[(k * in + i) * out + o] = real(conv[(o * in + i) * h * w + k] * factor);
    }
    weights.emplace(name + ".filters", Tensor(test_backend(), {1, h, w, in, out}, filters));
    weights.emplace(name + ".bias", Tensor(test_backend(), {1, 1, 1, 1, out}, bias));
  }
  InceptionFile file;
  std::map<std::string, Tensor> weights;
};

TEST_F(InceptionTest, every_layer_agrees_with_pytorch) {
  Inception inception(test_backend(), std::move(weights));
  const std::vector<double> picture = scaled("picture", 127 * 139 * 3, 0, 1);
  size_t seen = 0;
  const Inception::Output out =
      inception.forward(Tensor(test_backend(), {1, 1, 127, 139, 3}, {picture.begin(), picture.end()}),
                        [&](const std::string &name, const Tensor &made) {
                          ASSERT_EQ(file.layers.count(name), 1u) << name;
                          const InceptionFile::Golden &golden = file.layers[name];
                          ASSERT_EQ(made.shape(), golden.shape) << name;
                          const std::vector<real> values = made.values();
                          const std::vector<double> r = noise_of(name, made.size());
                          double squares = 0, projection = 0;
                          for (size_t i = 0; i < r.size(); ++i) {
                            squares += double(values[i]) * values[i];
                            projection += r[i] * values[i];
                          }
                          // A projection of independent values has the size of their norm.
                          const double norm = golden.size * std::sqrt(double(r.size()));
                          EXPECT_NEAR(std::sqrt(squares), norm, 2e-5 * norm) << name;
                          EXPECT_NEAR(projection, golden.projection, 2e-5 * norm) << name;
                          ++seen;
                        });
  EXPECT_EQ(seen, file.layers.size());
  EXPECT_EQ(out.pool3.size(), 2048u);
  EXPECT_EQ(out.logits.size(), 1008u);
}

TEST_F(InceptionTest, bytes_are_normalised_as_in_tensorflow) {
  Inception inception(test_backend(), std::move(weights));
  for (const int byte : {0, 128}) {
    const std::vector<real> same(299 * 299 * 3, real(byte - 128) / 128);
    EXPECT_EQ(inception.forward({Image(9, 7, 3, uint8_t(byte))}).logits,
              inception.forward(Tensor(test_backend(), {1, 1, 299, 299, 3}, same)).logits);
  }
  EXPECT_THROW(inception.forward({Image(9, 7, 1)}), std::invalid_argument);
}

TEST_F(InceptionTest, pictures_are_resized_as_in_tensorflow_each_by_itself) {
  Inception inception(test_backend(), std::move(weights));
  const std::vector<Image> pictures = {noise(9, 7, 3, 1), noise(20, 31, 3, 2)};
  const Inception::Output both = inception.forward(pictures);
  ASSERT_EQ(both.pool3.size(), 2 * 2048u);
  for (size_t k = 0; k < 2; ++k) {
    std::vector<real> x = resize_bilinear_tf1(pictures[k], 299, 299);
    for (real &v : x) v = (v - 128) / 128;
    const Inception::Output one = inception.forward(Tensor(test_backend(), {1, 1, 299, 299, 3}, x));
    EXPECT_EQ(one.pool3, std::vector<real>(both.pool3.begin() + k * 2048, both.pool3.begin() + (k + 1) * 2048));
    EXPECT_EQ(one.logits, std::vector<real>(both.logits.begin() + k * 1008, both.logits.begin() + (k + 1) * 1008));
  }
}

TEST_F(InceptionTest, a_missing_or_misshapen_tensor_is_named) {
  weights["Mixed_7c.branch_pool.bias"] = Tensor(test_backend(), {1, 1, 1, 1, 191});
  EXPECT_CONTAINS(error_of([&] { Inception(test_backend(), std::move(weights)); }), "Mixed_7c.branch_pool.bias");
  EXPECT_CONTAINS(error_of([&] { Inception(test_backend(), std::map<std::string, Tensor>()); }),
                  "Conv2d_1a_3x3.filters of shape 1x3x3x3x32");
}

TEST(InceptionOps, resizes_as_tensorflow_1_does) {
  Image image(2, 3, 1);
  image.pixels = {0, 30, 90, 100, 130, 190};
  // Rows read 0, 0.5, 1 (clamped: the last row), 1.5 -> the last; columns 0, 0.5, 1, 1.5, 2, 2.5.
  const std::vector<real> top = {0, 15, 30, 60, 90, 90};
  const std::vector<real> resized = resize_bilinear_tf1(image, 4, 6);
  ASSERT_EQ(resized.size(), 24u);
  for (int j = 0; j < 6; ++j) {
    EXPECT_FLOAT_EQ(resized[j], top[j]);
    EXPECT_FLOAT_EQ(resized[6 + j], top[j] + 50);
    EXPECT_FLOAT_EQ(resized[12 + j], top[j] + 100);
    EXPECT_FLOAT_EQ(resized[18 + j], top[j] + 100);
  }
  EXPECT_EQ(resize_bilinear_tf1(image, 2, 3), std::vector<real>(image.pixels.begin(), image.pixels.end()));
}

TEST(InceptionOps, pools_leave_padding_out) {
  std::vector<real> values;
  for (int i = 0; i < 12; ++i) values.push_back(real(i)), values.push_back(real(-i));
  const Tensor x(test_backend(), {1, 1, 3, 4, 2}, values);
  const std::vector<real> mean = average_pool_3x3(x).values(), most = max_pool_3x3(x, 1).values();
  EXPECT_FLOAT_EQ(mean[0], (0 + 1 + 4 + 5) / 4.f);  // a corner has four
  EXPECT_FLOAT_EQ(mean[1], -(0 + 1 + 4 + 5) / 4.f);
  EXPECT_FLOAT_EQ(mean[2 * 5], 5);  // the inside nine
  EXPECT_FLOAT_EQ(most[2 * 11], 11);
  EXPECT_FLOAT_EQ(most[1], 0);            // not a zero of the padding:
  EXPECT_FLOAT_EQ(most[2 * 11 + 1], -6);  // negative ones remain
  const Tensor halved = max_pool_3x3(x, 2);
  EXPECT_EQ(halved.shape(), (Shape{1, 1, 1, 1, 2}));
  EXPECT_EQ(halved.values(), (std::vector<real>{10, 0}));
  std::vector<Tensor> parts;
  for (int k = 0; k < 3; ++k) parts.emplace_back(test_backend(), halved.shape(), halved.values());
  EXPECT_EQ(concatenate_channels(parts).values(), (std::vector<real>{10, 0, 10, 0, 10, 0}));
  parts.emplace_back(test_backend(), x.shape(), x.values());
  EXPECT_THROW(concatenate_channels(parts), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
