// --evaluate --features with FID's Inception: a file as tools/convert_inception.py writes it, but of random weights,
// and the numbers that its features give.
#include <cmath>

#include "cpu/cpu.h"
#include "data/order.h"
#include "data/picture_files.h"
#include "inception_file.h"
#include "metrics/fid.h"
#include "metrics/inception.h"
#include "metrics/precision_recall.h"
#include "program.h"

namespace coopnets {
namespace {

constexpr int64_t pictures = 6;  // density and coverage look at the fifth neighbour

class EvaluateInception : public FolderTest {
 protected:
  EvaluateInception() {
    std::filesystem::create_directories(data);
    for (int64_t k = 0; k < pictures; ++k) {  // from 0 to 255, so that the nets are shown them as they are
      Image image = k % 2 ? noise(32, 32, 3, uint64_t(k)) : smooth(32, 32, 3);
      for (uint8_t &p : image.pixels) p = uint8_t(p * (7 - k) / 7);
      image.pixels[size_t(k)] = 0, image.pixels[size_t(1000 + k)] = 255;
      save_png(data + "/" + std::to_string(k) + ".png", image);
    }
    const Outcome o = run_program(run({"--data", data, "--algorithm", "generator", "--iterations", "1", "--set",
                                       "batch=2", "generator_steps=1", "generator_init=0.1"}));
    EXPECT_EQ(o.status, 0) << o.err;
  }
  Arguments run(const Arguments &more) const {
    return Arguments{"--exp", "cifar10", "--out", folder, "--name", "run", "--threads", "1"} + more;
  }
  Arguments evaluate(const std::string &samples = std::to_string(pictures), const std::string &splits = "2") const {
    return run({"--evaluate", "--samples", samples, "--splits", splits, "--features", path});
  }

  // Every tensor that the net needs; noise that keeps the size of what passes through.
  static std::vector<TensorToStore> tensors() {
    std::vector<TensorToStore> all;
    const auto add = [&](const std::string &name, const std::vector<int64_t> &shape, double scale) {
      const auto write = [name, shape, scale](const TensorToStore::Sink &sink) {
        const std::vector<double> some = noise_of(name, shape[1] * shape[2] * shape[3] * shape[4]);
        std::vector<float> values(some.size());
        for (size_t i = 0; i < some.size(); ++i) values[i] = float(scale * some[i]);
        sink(values.data(), values.size() * sizeof(float));
      };
      all.push_back({name, ElementType::F32, shape, write});
    };
    for (const InceptionFile::Conv &c : InceptionFile().convs) {
      add(c.name + ".filters", {1, c.height, c.width, c.in, c.out}, std::sqrt(6.0 / double(c.height * c.width * c.in)));
      add(c.name + ".bias", {1, 1, 1, 1, c.out}, 0.1);
    }
    add("fc.filters", {1, 1, 1, 2048, 1008}, std::sqrt(3.0 / 2048));
    return all;
  }
  void write(const std::vector<TensorToStore> &all, const std::string &names = "") const {
    Metadata metadata = {{"format", "coopnets inception 2015-12-05"}};
    if (!names.empty()) metadata["categories"] = names;
    write_safetensors(path, all, metadata);
  }

  const std::string data = folder + "/pictures", path = folder + "/inception.safetensors";
};

TEST_F(EvaluateInception, scores_are_those_of_its_features) {
  write(tensors());
  const Outcome o = run_program(evaluate());
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  const std::string label = "features of FID's Inception-v3 (2015)";
  EXPECT_CONTAINS(o.out, "Scores of features (Tables 1 and 3)");
  EXPECT_CONTAINS(o.out, label);
  EXPECT_CONTAINS(o.out, "6 samples, compared with 6 training pictures");
  EXPECT_FALSE(contains(o.out, "NOT comparable"));
  EXPECT_CONTAINS(o.out, "has no names for its categories");
  const std::string report = read_file(folder + "/cifar10/run/evaluation.json");
  EXPECT_CONTAINS(report, label);
  EXPECT_EQ(reported(report, "Scores of features", "published, generator", "FID"), 35.25);
  EXPECT_EQ(reported(report, "Scores of features", "published, descriptor", "FID"), 33.61);

  // The same pictures, sampled and seen once more.
  ASSERT_EQ(run_program(run({"--sample", std::to_string(pictures)})).status, 0);
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  Inception net(*backend, SafetensorsFile(path));
  const auto look = [&](const std::string &name, Samples &features, Samples &logits) {
    features = Samples(pictures, 2048), logits = Samples(pictures, 1008);
    for (int64_t k = 0; k < pictures; ++k) {
      const Inception::Output out = net.forward({load_image(name + std::to_string(k) + ".png", 3)});
      std::copy(out.pool3.begin(), out.pool3.end(), features.row(k));
      std::copy(out.logits.begin(), out.logits.end(), logits.row(k));
    }
  };
  Samples real, real_logits, made, made_logits;
  look(data + "/", real, real_logits);
  const Samples in_order = real, logits_in_order = real_logits;  // the program draws its reference by the seed
  const std::vector<int64_t> drawn = epoch_order(pictures, 1, 0);
  for (int64_t k = 0; k < pictures; ++k) {
    std::copy_n(in_order.row(drawn[size_t(k)]), 2048, real.row(k));
    std::copy_n(logits_in_order.row(drawn[size_t(k)]), 1008, real_logits.row(k));
  }
  look(folder + "/cifar10/run/sampled/generator_00000", made, made_logits);
  const auto expect = [&](const std::string &row, const std::string &column, double value) {
    EXPECT_NEAR(reported(report, "Scores of features", row, column), value, 1e-4 * (1 + std::abs(value)))
        << row << ' ' << column;
  };
  expect("training pictures", "Inception score", inception_score(real_logits, 2).mean);
  expect("generator", "Inception score", inception_score(made_logits, 2).mean);
  expect("generator", "IS +-", inception_score(made_logits, 2).deviation);
  expect("generator", "KID x 1000", 1000 * kernel_distance(real, made, 100, pictures / 2).mean);
  expect("generator", "KID +-", 1000 * kernel_distance(real, made, 100, pictures / 2).deviation);
  expect("generator", "density", density_coverage(real, made).density);
  expect("generator", "precision", precision_recall(real, made).precision);
  expect("generator", "recall", precision_recall(real, made).recall);
  expect("generator", "coverage", density_coverage(real, made).coverage);
  // With centred features as the rows of A and B, over sqrt(n - 1), the covariances are A'A and B'B, and the trace of
  // the root of their product is the sum of the singular values of A B'.
  const Gaussian a = fit_gaussian(real), b = fit_gaussian(made);
  double distance = 0;
  Matrix products(pictures, pictures);
  for (int64_t c = 0; c < 2048; ++c) {
    distance += std::pow(a.mean[c] - b.mean[c], 2) + a.covariance(c, c) + b.covariance(c, c);
    for (int64_t i = 0; i < pictures; ++i)
      for (int64_t j = 0; j < pictures; ++j)
        products(i, j) += (real.row(i)[c] - a.mean[c]) * (made.row(j)[c] - b.mean[c]) / (pictures - 1);
  }
  for (const double value : svd(products).values) distance -= 2 * value;
  EXPECT_GT(distance, 0.01);
  expect("generator", "FID", distance);
}

// The folder is named after its category.
TEST_F(EvaluateInception, categories_that_the_file_names_are_scored) {
  write(tensors(), "dummy\nbirds\npictures\n");
  const Outcome o = run_program(evaluate());
  ASSERT_EQ(o.status, 0) << o.err;
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  Inception net(*backend, SafetensorsFile(path));
  EXPECT_EQ(net.categories(), (std::vector<std::string>{"dummy", "birds", "pictures"}));
  Samples logits(pictures, 1008);
  for (int64_t k = 0; k < pictures; ++k) {
    const std::vector<real> one = net.forward({load_image(data + '/' + std::to_string(k) + ".png", 3)}).logits;
    std::copy(one.begin(), one.end(), logits.row(k));
  }
  const CategoryScore score = category_score(logits, 2);
  const std::string report = read_file(folder + "/cifar10/run/evaluation.json");
  EXPECT_NEAR(reported(report, "Category pictures", "training pictures", "softmax probability"), score.probability,
              1e-4 * score.probability);
  EXPECT_EQ(reported(report, "Category pictures", "training pictures", "top-5 error"), score.top_error);

  std::string many;
  for (int i = 0; i < 1009; ++i) many += "a\n";
  write(tensors(), many);
  EXPECT_CONTAINS(failure_of(evaluate()), "more categories than there are logits");
}

TEST_F(EvaluateInception, what_cannot_be_scored_is_said_before_samples_are_drawn) {
  EXPECT_CONTAINS(failure_of(evaluate() + Arguments{"--precision", "bf16"}), "--precision fp32");
  EXPECT_CONTAINS(failure_of(evaluate("5")), "need 6 samples");
  EXPECT_CONTAINS(failure_of(evaluate(std::to_string(pictures), "7")), "--splits cannot be more than --samples");
}

TEST_F(EvaluateInception, bad_weights_are_one_sentence) {
  std::vector<TensorToStore> all = tensors();
  const TensorToStore last = all.back();
  all.pop_back();
  write(all);
  EXPECT_CONTAINS(failure_of(evaluate()), path + ": Inception's weights need fc.filters of shape 1x1x1x2048x1008");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_CONTAINS(failure_of(evaluate()), path);

  all.push_back({last.name, last.type, last.shape, [](const TensorToStore::Sink &sink) {
                   sink(std::vector<float>(2048 * 1008, 3e38f).data(), 2048 * 1008 * sizeof(float));
                 }});
  write(all);
  EXPECT_CONTAINS(failure_of(evaluate()), "its weights are damaged");

  // The first layer is enough to see what is wrong with it.
  const auto first = [&](size_t bias_size, ElementType type, std::vector<int64_t> shape, float value) {
    const auto write_bias = [=](const TensorToStore::Sink &sink) {
      sink(std::vector<float>(bias_size, value).data(), bias_size * sizeof(float));
    };
    write({all[0], {all[1].name, type, shape, write_bias}});
    return failure_of(evaluate());
  };
  EXPECT_CONTAINS(first(31, ElementType::F32, {1, 1, 1, 1, 31}, 0), "Conv2d_1a_3x3.bias of shape 1x1x1x1x32");
  EXPECT_CONTAINS(first(32, ElementType::F32, {32}, 0), "Conv2d_1a_3x3.bias should have five axes");
  EXPECT_CONTAINS(first(32, ElementType::F16, {1, 1, 1, 1, 64}, 0), "Conv2d_1a_3x3.bias of shape 1x1x1x1x32");
  EXPECT_CONTAINS(first(32, ElementType::I32, {1, 1, 1, 1, 32}, 0),
                  "Conv2d_1a_3x3.bias' has the type I32, which is not read");
  EXPECT_CONTAINS(first(0, ElementType::F32, {1, 1, 1, 1, 0}, 0), "Conv2d_1a_3x3.bias of shape 1x1x1x1x32");
  EXPECT_CONTAINS(first(32, ElementType::F32, {1, 1, 1, 1, 32}, NAN),
                  "Conv2d_1a_3x3.bias holds a value that is not a finite number");
  write_safetensors(path, {}, {{"format", "coopnets inception 2026"}});
  EXPECT_CONTAINS(failure_of(evaluate()), "holds no net for features");
}

}  // namespace
}  // namespace coopnets
