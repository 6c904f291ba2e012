// --compare: two sets of pictures by the features of a classifier, and their distance to statistics in a file.
#include <cmath>

#include "app/feature_scores.h"
#include "cpu/cpu.h"
#include "data/npz_files.h"
#include "data/order.h"
#include "data/picture_files.h"
#include "metrics/precision_recall.h"
#include "program.h"

namespace coopnets {
namespace {

// In units of their standard deviations in `reference`, a feature that never differs in its own.
Samples in_deviations(Samples all, const Samples &reference) {
  for (int64_t j = 0; j < all.dimension; ++j) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < reference.count; ++i) sum += reference.row(i)[j];
    const double mean = sum / double(reference.count);
    for (int64_t i = 0; i < reference.count; ++i) squares += std::pow(reference.row(i)[j] - mean, 2);
    const double deviation = std::sqrt(squares / double(reference.count - 1));
    for (int64_t i = 0; i < all.count && deviation > 0; ++i) all.row(i)[j] /= float(deviation);
  }
  return all;
}

class CompareTest : public FolderTest {
 protected:
  CompareTest() {
    for (int i = 0; i < 20; ++i) {
      Image image = noise(12 + i % 3, 14, 3, uint64_t(i + 1));
      for (uint8_t &p : image.pixels) p = uint8_t(p / 2 + (i % 2 ? 100 : 0));
      const std::string category = reference + (i % 2 ? "/light" : "/dark");
      std::filesystem::create_directories(category);
      save_png(category + "/" + std::to_string(100 + i) + ".png", image);
      std::filesystem::create_directories(made);
      if (i < 12)
        save_png(made + "/" + std::to_string(100 + i) + ".png", noise(12, 12, i % 2 ? 1 : 3, uint64_t(i + 50)));
    }
    const Outcome o = run_program({"--exp", "classifier", "--data", reference, "--out", folder, "--name", "net",
                                   "--iterations", "2", "--threads", "1", "--set", "size=12", "batch=4", "held_out=4"});
    EXPECT_EQ(o.status, 0) << o.err;
  }
  Arguments run(const Arguments &more) const {
    return Arguments{"--compare", made, "--features", net, "--splits", "3", "--threads", "2"} + more;
  }
  // What the net makes of the pictures of a folder, in the order in which they are drawn.
  Features features_of(const std::string &path, int64_t most, uint64_t seed) const {
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    const std::unique_ptr<FeatureNet> feature_net = load_feature_net(*backend, net);
    std::vector<std::string> files;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.is_regular_file()) files.push_back(entry.path());
    // Category by category in turn, by name; a flat folder by name.
    std::sort(files.begin(), files.end(), [&](const std::string &a, const std::string &b) {
      const auto place = [](const std::string &file) { return std::filesystem::path(file).filename().string(); };
      return place(a) < place(b);
    });
    Features features;
    std::vector<Image> pictures;
    const std::vector<int64_t> drawn = epoch_order(int64_t(files.size()), seed, 0);
    for (size_t i = 0; i < std::min(size_t(most), files.size()); ++i)
      pictures.push_back(load_image(files[size_t(drawn[i])]));
    feature_net->add(pictures, features);
    return features;
  }
  double in_file(const std::string &row, const std::string &column) const {
    return reported(read_file(folder + "/out/comparison.json"), "Scores of features", row, column);
  }
  const std::string reference = folder + "/real", made = folder + "/made";
  const std::string net = folder + "/classifier/net/checkpoint.safetensors";
};

TEST_F(CompareTest, scores_are_those_of_the_pictures_as_they_are) {
  const Outcome o = run_program(run({"--data", reference, "--samples", "10", "--seed", "3", "--out", folder + "/out"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out, "10 of 12 pictures of " + made + ", the first of 12x12; 10 of 20 pictures of " + reference);
  EXPECT_CONTAINS(o.out, "NOT comparable with published numbers");
  Features a = features_of(reference, 10, 3), b = features_of(made, 10, 3);
  EXPECT_EQ(a.features.dimension, 256);
  EXPECT_CONTAINS(o.out, "features divided by their standard deviations in reference, " + reference);
  b.features = in_deviations(b.features, a.features);
  a.features = in_deviations(a.features, a.features);
  const double fid = frechet_distance(fit_gaussian(a.features), fit_gaussian(b.features));
  EXPECT_NEAR(in_file(made, "FID"), fid, 1e-4 * fid);
  EXPECT_NEAR(in_file(made, "KID x 1000"), 1000 * kernel_distance(a.features, b.features, 100, 5).mean,
              1e-3 * std::abs(in_file(made, "KID x 1000")));
  EXPECT_EQ(in_file(made, "precision"), precision_recall(a.features, b.features).precision);
  EXPECT_EQ(in_file(made, "coverage"), density_coverage(a.features, b.features).coverage);
  EXPECT_NEAR(in_file(made, "Inception score"), inception_score(b.logits, 3).mean, 1e-4);
  EXPECT_NEAR(in_file("reference, " + reference, "Inception score"), inception_score(a.logits, 3).mean, 1e-4);
  EXPECT_TRUE(std::isnan(in_file("reference, " + reference, "FID")));
  const std::string json = read_file(folder + "/out/comparison.json");
  for (const std::string &part : {"\"compared\": \"" + made, "\"reference\": \"" + reference, "\"features\": \"" + net,
                                  std::string("\"samples\": 10,"), std::string("\"seed\": 3,")})
    EXPECT_CONTAINS(json, part);

  // A set is at no distance from itself; without --out nothing is written.
  const Outcome same = run_program({"--compare", reference, "--data", reference, "--features", net, "--splits", "3"});
  ASSERT_EQ(same.status, 0) << same.err;
  EXPECT_CONTAINS(same.out, "      1.000   1.000    1.000     1.000\n");  // precision, recall, density, coverage
  EXPECT_FALSE(std::filesystem::exists(folder + "/comparison.json") ||
               std::filesystem::exists("output/comparison.json"));
}

// Of a net whose features have very different scales: each counts alike, and the ratio is at equal numbers.
TEST(FeatureScores, fid_ratio_is_to_as_many_held_out_pictures) {
  class Stub final : public FeatureNet {
   public:
    explicit Stub(bool published) : published_(published) {}
    std::string description() const override { return "features"; }
    std::vector<std::string> categories() const override { return {}; }
    int64_t dimension() const override { return 3; }
    bool published_scores() const override { return published_; }
    void add(const std::vector<Image> &, Features &) override {}

   private:
    bool published_;
  };
  const auto set_of = [](int64_t count, float shift, uint64_t seed) {
    Features f{Samples(count, 3), Samples(count, 2)};
    const Image pixels = noise(count, 3, 1, seed);
    for (int64_t i = 0; i < count * 3; ++i)
      f.features.values[size_t(i)] = (float(pixels.pixels[size_t(i)]) / 64 + shift) * (i % 3 == 0 ? 1000 : i % 3 == 1);
    return f;
  };
  const Features training = set_of(40, 0, 1), made = set_of(30, 0.7f, 2), held_out = set_of(20, 0.1f, 3);
  for (const bool published : {false, true}) {
    Comparison comparison{{{"generator", made}}, FeatureSet{"training pictures", training}, {}, nullptr, 2};
    comparison.held_out.emplace(FeatureSet{"held-out pictures", held_out});
    const Table table = feature_scores(Stub(published), comparison);
    ASSERT_EQ(table.columns[3], "FID ratio");
    const auto fid = [&](const Features &f, int64_t count) {
      const auto units = [&](const Samples &all) { return published ? all : in_deviations(all, training.features); };
      const Samples all = units(f.features);
      const Samples some(count, 3, {all.values.begin(), all.values.begin() + 3 * count});
      return frechet_distance(fit_gaussian(units(training.features)), fit_gaussian(some));
    };
    EXPECT_NEAR(table.rows[0].cells[2], fid(made, 30), 1e-5 * fid(made, 30)) << published;
    EXPECT_NEAR(table.rows[0].cells[3], fid(made, 20) / fid(held_out, 20), 1e-4 * table.rows[0].cells[3]) << published;
    EXPECT_EQ(table.rows[1].name, "held-out pictures");
    EXPECT_NEAR(table.rows[1].cells[2], fid(held_out, 20), 1e-5 * fid(held_out, 20)) << published;
    EXPECT_EQ(table.rows[1].cells[3], 1);
    EXPECT_TRUE(std::isnan(table.rows[2].cells[3]));  // the training pictures themselves
  }
}

TEST_F(CompareTest, statistics_in_a_file_give_the_distance_to_their_set) {
  const Gaussian g = fit_gaussian(features_of(reference, 20, 1).features);
  write_bytes(folder + "/real.npz", npz_of(g));
  const Arguments out = {"--out", folder + "/out"};
  const Outcome both = run_program(run({"--data", reference, "--statistics", folder + "/real.npz"}) + out);
  ASSERT_EQ(both.status, 0) << both.err;
  EXPECT_CONTAINS(both.out, "FID to real.npz");
  // The file is of features as the net gives them, and so is the distance to it.
  const double to_file = frechet_distance(g, fit_gaussian(features_of(made, 20, 1).features));
  EXPECT_NEAR(in_file(made, "FID to real.npz"), to_file, 1e-4 * to_file);
  EXPECT_NEAR(in_file("reference, " + reference, "FID to real.npz"), 0, 1e-4 * to_file);
  EXPECT_CONTAINS(read_file(folder + "/out/comparison.json"), "\"statistics\": \"" + folder + "/real.npz\"");

  // The file alone, where the set is not at hand.
  const double distance = in_file(made, "FID to real.npz");
  const Outcome alone = run_program(run({"--statistics", folder + "/real.npz"}) + out);
  ASSERT_EQ(alone.status, 0) << alone.err;
  EXPECT_FALSE(contains(alone.out, "KID") || contains(alone.out, "reference"));
  EXPECT_EQ(in_file(made, "FID to real.npz"), distance);

  write_bytes(folder + "/real.npz", npz_of({{1, 2}, Matrix(2, 2, {1, 0, 0, 1})}));
  EXPECT_CONTAINS(failure_of(run({"--statistics", folder + "/real.npz"})),
                  "is of another net than that of --features: its mean has 2 numbers, and the features are 256");
}

TEST_F(CompareTest, bad_pictures_are_left_out_or_refused) {
  for (int i = 0; i < 30; ++i)
    save_png(made + "/more" + std::to_string(i) + ".png", noise(12, 12, 3, uint64_t(i + 90)));
  write_bytes(made + "/bad.png", {1, 2, 3});
  const Outcome o = run_program(run({"--data", reference}));
  EXPECT_EQ(o.status, 0);
  EXPECT_CONTAINS(o.err, "bad.png");
  EXPECT_CONTAINS(o.err, "it is left out");
  EXPECT_CONTAINS(o.out, "42 of 43 pictures of " + made);
  for (int i = 0; i < 3; ++i) write_bytes(made + "/bad" + std::to_string(i) + ".png", {1, 2, 3});
  EXPECT_CONTAINS(run_program(run({"--data", reference})).err,
                  "pictures of " + made + " cannot be used, more than 5 %");

  EXPECT_CONTAINS(failure_of({"--compare", folder + "/none", "--data", reference, "--features", net}),
                  folder + "/none");
  EXPECT_CONTAINS(failure_of({"--compare", reference, "--data", reference, "--features", net, "--splits", "21"}),
                  reference + " has 20 pictures, and the scores need 21");
  EXPECT_CONTAINS(failure_of({"--compare", reference, "--data", reference, "--features", net, "--precision", "bf16"}),
                  "--features needs --precision fp32");
}

}  // namespace
}  // namespace coopnets
