// --evaluate of models that have hardly learned: what is computed, from which part of the data, and what is left.
#include "data/picture_files.h"
#include "program.h"

namespace coopnets {
namespace {

class EvaluateDigits : public FolderTest {
 protected:
  EvaluateDigits() {
    write_bytes(data + "/train-images-idx3-ubyte", idx({60, 28, 28}, bytes(60, 1)));
    write_bytes(data + "/train-labels-idx1-ubyte", idx({60}, labels(60)));
    write_bytes(data + "/t10k-images-idx3-ubyte", idx({11, 28, 28}, bytes(11, 2)));
    write_bytes(data + "/t10k-labels-idx1-ubyte", idx({11}, labels(11)));
  }
  static std::vector<uint8_t> bytes(int64_t count, uint64_t seed) { return noise(count * 28, 28, 1, seed).pixels; }
  static std::vector<uint8_t> labels(int64_t count) {  // 0, 1, 2, 0, ...
    std::vector<uint8_t> all;
    for (int64_t i = 0; i < count; ++i) all.push_back(uint8_t(i % 3));
    return all;
  }
  Arguments run(const Arguments &more) const {
    return Arguments{"--exp", "digits", "--out", folder, "--threads", "1"} + more;
  }
  void train(const Arguments &more = {}) const {
    const Outcome o = run_program(run({"--data", data, "--iterations", "1", "--set", "batch=4", "chains=4",
                                       "langevin_steps=1", "generator_init=0.1"}) +
                                  more);
    ASSERT_EQ(o.status, 0) << o.err;
    EXPECT_CONTAINS(o.out, more.empty() ? "50 examples" : "17 examples");  // a sixth is set aside
  }
  const std::string data = folder + "/digits_data";
  const std::string run_folder = folder + "/digits/digits_data/";
};

TEST_F(EvaluateDigits, parzen_windows_by_both_protocols) {
  train();
  // The run's config.txt says where the data is.
  const Outcome clean = run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12"}));
  ASSERT_EQ(clean.status, 0) << clean.err;
  EXPECT_EQ(clean.err, "");
  EXPECT_CONTAINS(clean.out, "12 samples a row; sigma chosen on 10 training pictures that were not learned; 11 test");
  EXPECT_FALSE(contains(clean.out, "generator, authors"));
  const std::string report = read_file(run_folder + "evaluation.json");
  for (const char *part : {"\"experiment\": \"digits\"", "\"samples\": \"12\"", "{\"name\": \"generator\", \"sigma\": ",
                           "{\"name\": \"descriptor\", \"sigma\": ", "{\"name\": \"training pictures\", \"sigma\": "})
    EXPECT_CONTAINS(report, part);
  EXPECT_EQ(load_image(run_folder + "nearest_generator.png").width, 10 * 28 + 9 * 2);
  EXPECT_EQ(load_image(run_folder + "nearest_descriptor.png").height, 3 * 28 + 2 * 2);  // 24 pictures, ten a row

  const Outcome authors =
      run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12", "--set", "parzen=authors"}));
  EXPECT_EQ(authors.status, 0) << authors.err;
  EXPECT_CONTAINS(authors.out, "generator, authors");
  EXPECT_CONTAINS(authors.out, "descriptor, authors");
}

TEST_F(EvaluateDigits, features_of_a_classifier_of_our_own) {
  const Outcome learned =
      run_program({"--exp", "classifier", "--data", data, "--out", folder, "--name", "net", "--threads", "1",
                   "--iterations", "2", "--set", "batch=8", "size=16", "--seed", "4"});
  ASSERT_EQ(learned.status, 0) << learned.err;
  EXPECT_CONTAINS(learned.out, "classifier of 3 categories");
  EXPECT_CONTAINS(learned.out, "50 pictures to learn, 10 held out");
  EXPECT_CONTAINS(learned.out, " % of 10 pictures held out");
  const std::string net = folder + "/classifier/net/checkpoint.safetensors", before = read_file(net);
  failure_of({"--exp", "classifier", "--data", data, "--out", folder, "--name", "net", "--overwrite"}, 1, 0);
  EXPECT_TRUE(read_file(net) == before);  // a full disk costs no earlier net

  train({"--category", "1", "--name", "ones"});
  const Outcome o =
      run_program(run({"--evaluate", "--name", "ones", "--samples", "12", "--features", net, "--splits", "2"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "NOT comparable with published numbers");
  const std::string report = read_file(folder + "/digits/ones/evaluation.json");
  for (const char *part : {"\"FID\": ", "\"KID x 1000\": ", "\"coverage\": ", "Category 1 (Figure 3)",
                           "\"softmax probability\": 0.", "\"top-5 error\": 0}", "\"SSIM\": "})
    EXPECT_CONTAINS(report, part);

  // The category is --category's, or the folder's.
  std::filesystem::create_directory_symlink(data, folder + "/2");
  const Outcome by_folder = run_program({"--exp", "digits", "--data", folder + "/2", "--out", folder, "--name", "ones",
                                         "--set", "category=", "--evaluate", "--samples", "12", "--features", net});
  ASSERT_EQ(by_folder.status, 0) << by_folder.err;
  EXPECT_CONTAINS(by_folder.out, "Category 2 (Figure 3)");

  EXPECT_CONTAINS(
      failure_of(run({"--evaluate", "--name", "ones", "--features", folder + "/digits/ones/checkpoint.safetensors"})),
      "holds no net for features");
  EXPECT_CONTAINS(failure_of({"--exp", "classifier", "--evaluate"}), "--features");
  std::filesystem::create_directories(folder + "/plain");
  save_png(folder + "/plain/a.png", noise(8, 8, 3));
  EXPECT_CONTAINS(failure_of({"--exp", "classifier", "--data", folder + "/plain", "--out", folder}),
                  "two categories or more");

  // A damaged file is refused before memory is taken for what it claims.
  const SafetensorsFile file(net);
  Metadata metadata = file.metadata();
  std::vector<TensorToStore> tensors;
  for (const StoredTensor &stored : file.tensors())
    tensors.push_back({stored.name, stored.type, stored.shape, [&file, &stored](const TensorToStore::Sink &sink) {
                         std::vector<char> bytes(size_t(stored.bytes));
                         file.read(stored, bytes.data());
                         sink(bytes.data(), bytes.size());
                       }});
  const auto refusal = [&](const std::string &key, const std::string &value) {
    Metadata changed = metadata;
    changed[key] = value;
    write_safetensors(folder + "/bad.safetensors", tensors, changed);
    return failure_of(
        run({"--evaluate", "--name", "ones", "--samples", "12", "--features", folder + "/bad.safetensors"}));
  };
  EXPECT_CONTAINS(refusal("settings", "size=60000\n"), "do not fit");
  EXPECT_CONTAINS(refusal("categories", "a\nb\n"), "do not fit");
  EXPECT_CONTAINS(refusal("categories", ""), "damaged");
  EXPECT_CONTAINS(refusal("format", "another"), "another version");
}

TEST_F(EvaluateDigits, what_is_missing_is_said) {
  train();
  std::filesystem::remove(data + "/t10k-images-idx3-ubyte");
  save_png(data + "/a.png", noise(28, 28, 1));
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--data", data})), "has no test set");
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--data", data, "--set", "held_out=0"})), "parzen=authors");
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--data", folder, "--name", "none"})), "checkpoint.safetensors");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--evaluate"}), "has no measures");
}

}  // namespace
}  // namespace coopnets
