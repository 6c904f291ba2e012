#include "app/feature_net.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "app/saved_classifier.h"
#include "learning/classifier.h"
#include "metrics/inception.h"

namespace coopnets {

namespace {

void append(const std::vector<real> &values, int64_t count, Samples &to) {
  if (!std::all_of(values.begin(), values.end(), [](real v) { return std::isfinite(v); }))
    throw std::runtime_error(
        "the net of --features makes values of pictures that are not finite numbers: its weights are damaged");
  to.dimension = int64_t(values.size()) / count;
  to.count += count;
  to.values.insert(to.values.end(), values.begin(), values.end());
}

class ClassifierFeatures final : public FeatureNet {
 public:
  ClassifierFeatures(Backend &backend, const SafetensorsFile &file)
      : saved_(load_classifier(backend, file)), reader_(backend, *saved_.network, 64) {}

  std::string description() const override {
    return "features of a classifier of our own with " + std::to_string(saved_.categories.size()) +
           " categories, right on " + saved_.accuracy +
           " % of held-out pictures: NOT comparable with published numbers";
  }
  std::vector<std::string> categories() const override { return saved_.categories; }
  int64_t dimension() const override { return reader_.features(); }
  bool published_scores() const override { return false; }
  void add(const std::vector<Image> &pictures, Features &to) override {
    const Shape x = saved_.network->input();
    for (size_t first = 0; first < pictures.size(); first += size_t(reader_.batch())) {
      const int64_t count = std::min<int64_t>(reader_.batch(), int64_t(pictures.size() - first));
      std::vector<real> examples(count * x.size());
      for (int64_t k = 0; k < count; ++k) {
        const Image image = fit(with_channels(pictures[first + size_t(k)], x.c), x.h, x.w);
        to_reals(image.pixels.data(), image.size(), Normalise::fixed, examples.data() + k * x.size());
      }
      std::vector<real> logits, features;
      reader_.read(examples, logits, features);
      append(logits, count, to.logits);
      append(features, count, to.features);
    }
  }

 private:
  SavedClassifier saved_;
  ClassifierReader reader_;
};

class InceptionFeatures final : public FeatureNet {
 public:
  InceptionFeatures(Backend &backend, const SafetensorsFile &file) : inception_(backend, file) {}

  std::string description() const override {
    return "features of FID's Inception-v3 (2015): pool3 for distances, logits without bias for the Inception score";
  }
  std::vector<std::string> categories() const override { return inception_.categories(); }
  int64_t dimension() const override { return 2048; }
  bool published_scores() const override { return true; }
  void add(const std::vector<Image> &pictures, Features &to) override {
    constexpr size_t at_a_time = 16;  // 45 MB of the widest layer
    for (size_t first = 0; first < pictures.size(); first += at_a_time) {
      std::vector<Image> batch;
      for (size_t k = first; k < std::min(first + at_a_time, pictures.size()); ++k)
        batch.push_back(with_channels(pictures[k], 3));
      const Inception::Output out = inception_.forward(batch);
      append(out.pool3, int64_t(batch.size()), to.features);
      append(out.logits, int64_t(batch.size()), to.logits);
    }
  }

 private:
  Inception inception_;
};

}  // namespace

std::unique_ptr<FeatureNet> load_feature_net(Backend &backend, const std::string &path) {
  const SafetensorsFile file(path);
  if (is_classifier(file)) return std::make_unique<ClassifierFeatures>(backend, file);
  if (Inception::is_in(file)) return std::make_unique<InceptionFeatures>(backend, file);
  throw std::runtime_error(path +
                           " holds no net for features: that is a checkpoint of --exp classifier, or Inception's "
                           "weights as tools/convert_inception.py writes them");
}

}  // namespace coopnets
