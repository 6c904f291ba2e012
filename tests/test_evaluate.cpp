// --evaluate of models that have hardly learned: what is computed, from which part of the data, and what is left.
#include "app/saved_model.h"
#include "data/picture_files.h"
#include "metrics/parzen.h"
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
  void train(const Arguments &more = {}, const std::string &examples = "50 examples",
             const std::string &algorithm = "cooperative") const {
    const Outcome o = run_program(run({"--data", data, "--algorithm", algorithm, "--iterations", "1", "--set",
                                       "batch=4", "chains=4", "langevin_steps=1", "generator_init=0.1"}) +
                                  more);
    ASSERT_EQ(o.status, 0) << o.err;
    EXPECT_CONTAINS(o.out, examples);
  }
  const std::string data = folder + "/digits_data";
  const std::string run_folder = folder + "/digits/digits_data/";
};

TEST_F(EvaluateDigits, parzen_windows_by_both_protocols) {
  train({"generator_init=0.03"});                                          // whose samples do not reach -1 and 1
  EXPECT_CONTAINS(read_file(run_folder + "config.txt"), "held_out=10\n");  // a sixth of 60
  // The run's config.txt says where the data is.
  const Outcome clean = run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12"}));
  ASSERT_EQ(clean.status, 0) << clean.err;
  EXPECT_EQ(clean.err, "");
  EXPECT_CONTAINS(clean.out, "12 samples a row; sigma chosen on 10 training pictures that were not learned; 11 test");
  EXPECT_FALSE(contains(clean.out, "generator, authors"));
  const std::string report = read_file(run_folder + "evaluation.json");
  for (const char *part :
       {"\"experiment\": \"digits\"", "\"samples\": 12,", "\"iteration\": 1,", "\"data\": \"50 examples "})
    EXPECT_CONTAINS(report, part);
  // The ceiling depends on no net: 12 of the 50 learned pictures, sigma by the 10 last ones, the 11 test pictures.
  const auto unit = [](const std::vector<uint8_t> &bytes, int64_t first, int64_t count) {
    Samples s(count, 28 * 28);
    for (int64_t i = 0; i < count * 28 * 28; ++i)
      s.values[size_t(i)] = float(bytes[size_t(first * 28 * 28 + i)] / 255.0);
    return s;
  };
  const std::vector<uint8_t> train_bytes = bytes(60, 1);
  const ParzenScore ceiling =
      parzen_score(unit(train_bytes, 0, 12), unit(train_bytes, 50, 10), unit(bytes(11, 2), 0, 11));
  const auto parzen = [](const std::string &from, const std::string &row, const std::string &column) {
    return reported(from, "Parzen", row, column);
  };
  EXPECT_NEAR(parzen(report, "training pictures", "sigma"), ceiling.sigma, 1e-9);
  EXPECT_NEAR(parzen(report, "training pictures", "log-likelihood"), ceiling.mean, 1e-4 * std::abs(ceiling.mean));
  EXPECT_NEAR(parzen(report, "training pictures", "standard error"), ceiling.standard_error,
              1e-3 * ceiling.standard_error);
  EXPECT_NE(parzen(report, "generator", "log-likelihood"), parzen(report, "descriptor", "log-likelihood"));
  EXPECT_EQ(parzen(report, "published on MNIST, GAN", "log-likelihood"), 225);
  EXPECT_EQ(load_image(run_folder + "nearest_generator.png").width,
            2 * (10 * 28 + 9 * 2));  // small pictures are enlarged
  EXPECT_EQ(load_image(run_folder + "nearest_descriptor.png").height, 2 * (3 * 28 + 2 * 2));  // 24 pictures, ten a row

  const Outcome authors =
      run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12", "--set", "parzen=authors"}));
  EXPECT_EQ(authors.status, 0) << authors.err;
  EXPECT_CONTAINS(authors.out, "generator, authors");
  EXPECT_CONTAINS(authors.out, "descriptor, authors");
  const std::string both = read_file(run_folder + "evaluation.json");
  EXPECT_EQ(parzen(both, "generator", "log-likelihood"), parzen(report, "generator", "log-likelihood"));
  EXPECT_GT(
      std::abs(parzen(both, "generator, authors", "log-likelihood") - parzen(both, "generator", "log-likelihood")),
      1e-3);
}

// A descriptor alone is evaluated like any model, by as many samples as are asked for: persistent CD keeps four chains.
TEST_F(EvaluateDigits, a_descriptor_alone_is_evaluated_by_any_number_of_samples) {
  for (const char *algorithm : {"descriptor", "persistent-cd"}) {
    train({"--overwrite"}, "50 examples", algorithm);
    const Outcome o = run_program(run({"--evaluate", "--name", "digits_data", "--samples", "10"}));
    ASSERT_EQ(o.status, 0) << o.err;
    const std::string report = read_file(run_folder + "evaluation.json");
    EXPECT_CONTAINS(report, std::string("\"algorithm\": \"") + algorithm);
    EXPECT_TRUE(std::isfinite(reported(report, "Parzen", "descriptor", "log-likelihood"))) << algorithm;
    EXPECT_FALSE(contains(o.out, "\ngenerator ")) << algorithm;
    EXPECT_EQ(load_image(run_folder + "nearest_descriptor.png").height, 2 * (2 * 28 + 2));  // 20 pictures, ten a row
  }
}

// The nearest of the 50 learned pictures stands to the right of each sample.
TEST_F(EvaluateDigits, neighbours_are_the_nearest_training_pictures) {
  train();
  ASSERT_EQ(run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12"})).status, 0);
  const std::vector<uint8_t> all = bytes(60, 1);
  std::vector<std::vector<double>> learned;
  for (int64_t k = 0; k < 50; ++k) learned.emplace_back(all.begin() + k * 784, all.begin() + (k + 1) * 784);
  const Image sheet = load_image(run_folder + "nearest_generator.png", 1);
  const auto cell = [&](int64_t k) {
    std::vector<double> one;
    for (int64_t y = 0; y < 28; ++y)
      for (int64_t x = 0; x < 28; ++x) one.push_back(sheet.at(2 * (k / 10 * 30 + y), 2 * (k % 10 * 30 + x))[0]);
    return one;
  };
  const auto distance = [](const std::vector<double> &a, const std::vector<double> &b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
  };
  for (int64_t k = 0; k < 12; ++k) {
    const std::vector<double> sample = cell(2 * k), beside = cell(2 * k + 1);
    double least = INFINITY, same = INFINITY;
    for (const std::vector<double> &one : learned) {
      least = std::min(least, distance(sample, one));
      same = std::min(same, distance(beside, one));
    }
    EXPECT_LT(same, 784 * 0.3) << k;                          // a training picture, rounded to bytes,
    EXPECT_LT(distance(sample, beside), 1.005 * least) << k;  // and as near as any
  }
}

// Of many training pictures so many are looked at; the table says so.
TEST_F(EvaluateDigits, neighbours_are_looked_for_among_a_bounded_number) {
  const int64_t count = 20106;
  std::vector<uint8_t> all(size_t(count * 784));
  for (size_t i = 0; i < all.size(); ++i) all[i] = uint8_t(i / 784 * 7 + i % 784 * 3);
  write_bytes(data + "/train-images-idx3-ubyte", idx({uint32_t(count), 28, 28}, all));
  write_bytes(data + "/train-labels-idx1-ubyte", idx({uint32_t(count)}, labels(count)));
  train({"held_out=6"}, "20100 examples");
  const Outcome o = run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "the nearest of 20000 of 20100 training pictures, drawn by the seed");
  EXPECT_EQ(load_image(run_folder + "nearest_descriptor.png").height, 2 * (3 * 28 + 2 * 2));
}

// Equal pictures are as alike as pictures can be.
TEST_F(EvaluateDigits, similarity_of_equal_pictures_is_one) {
  std::vector<uint8_t> same;
  for (int k = 0; k < 60; ++k) {
    const std::vector<uint8_t> one = bytes(1, 3);
    same.insert(same.end(), one.begin(), one.end());
  }
  write_bytes(data + "/train-images-idx3-ubyte", idx({60, 28, 28}, same));
  train();
  ASSERT_EQ(run_program(run({"--evaluate", "--name", "digits_data", "--samples", "3"})).status, 0);
  const std::string report = read_file(run_folder + "evaluation.json");
  EXPECT_NEAR(reported(report, "Structural", "training pictures", "SSIM"), 1, 1e-9);
  EXPECT_LT(reported(report, "Structural", "generator", "SSIM"), 1);
}

// Numbers say what was learned and what was not, so neither may be changed after training.
TEST_F(EvaluateDigits, other_data_than_that_of_the_run_is_refused) {
  train();
  const auto refusal = [&](const Arguments &more) {
    return failure_of(run({"--evaluate", "--name", "digits_data", "--samples", "12"}) + more);
  };
  EXPECT_CONTAINS(refusal({"--set", "held_out=5"}), "was trained with held_out='10', not '5'");
  EXPECT_CONTAINS(refusal({"--set", "normalise=stretch"}), "normalise");
  EXPECT_CONTAINS(refusal({"--category", "1"}), "category");
  EXPECT_CONTAINS(refusal({"--set", "examples=3"}), "examples");
  write_bytes(data + "/train-images-idx3-ubyte", idx({60, 28, 28}, bytes(60, 5)));
  EXPECT_CONTAINS(refusal({}), "was not trained on this data (50 examples ");
}

// The last ones of an idx file, more than a sixth of it: learned, recorded and evaluated alike.
TEST_F(EvaluateDigits, as_many_are_held_out_as_were_asked_for) {
  train({"held_out=25"}, "35 examples");
  EXPECT_CONTAINS(read_file(run_folder + "config.txt"), "held_out=25\n");
  const Outcome o = run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "sigma chosen on 25 training pictures that were not learned");
  const Outcome resumed = run_program(run({"--resume", "--name", "digits_data", "--iterations", "2"}));
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_CONTAINS(resumed.out, "35 examples");
  EXPECT_CONTAINS(failure_of(run({"--data", data, "--name", "none", "--set", "held_out=60"})),
                  "held_out=60 leaves nothing to learn: there are 60 examples in " + data);
}

// Four of each of three categories, drawn by the run's seed: another draw for another seed, the same one for whatever
// comes later.
TEST_F(EvaluateDigits, so_many_examples_of_each_category_are_drawn_and_found_again) {
  const auto learn = [&](const char *seed) {
    const Outcome o =
        run_program(run({"--data", data, "--algorithm", "cooperative", "--iterations", "1", "--seed", seed,
                         "--overwrite", "--set", "batch=4", "chains=4", "langevin_steps=1", "examples=4"}));
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_CONTAINS(o.out, "12 examples");
    return load_image(run_folder + "observed.png", 1);
  };
  const Image first = learn("1");
  EXPECT_FALSE(first == learn("2"));
  const Outcome o = run_program(run({"--evaluate", "--name", "digits_data", "--samples", "12", "--seed", "9"}));
  EXPECT_EQ(o.status, 0) << o.err;  // which compares the examples with those of the run
  const Outcome resumed = run_program(run({"--resume", "--name", "digits_data", "--iterations", "2"}));
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_TRUE(first == learn("1"));
}

// cifar10's published test: eight steps, without noise as in training. Where the noise lasts for a part of the run, new
// samples have what the last iteration had.
TEST(SamplingSettings, follow_the_last_iteration_of_training) {
  SavedModel saved;
  saved.experiment = &find_experiment("cifar10");
  saved.settings = saved.experiment->settings("paper");
  saved.iteration = 16700;
  EXPECT_EQ(sampling_settings(saved, 1).langevin_steps, 8);
  EXPECT_EQ(sampling_settings(saved, 1).noise_until, 0);
  saved.settings.temperature = 1;
  saved.settings.iterations = 83500;
  saved.settings.langevin_noise_until = 0.2;
  EXPECT_NE(sampling_settings(saved, 1).noise_until, 0);
  saved.iteration = 16701;
  EXPECT_EQ(sampling_settings(saved, 1).noise_until, 0);
  saved.settings.sample_steps = -1;
  EXPECT_EQ(sampling_settings(saved, 1).langevin_steps, 10);
}

TEST_F(EvaluateDigits, features_of_a_classifier_of_our_own) {
  const Outcome learned =
      run_program({"--exp", "classifier", "--data", data, "--out", folder, "--name", "net", "--threads", "1",
                   "--iterations", "2", "--set", "batch=8", "size=16", "--seed", "4"});
  ASSERT_EQ(learned.status, 0) << learned.err;
  EXPECT_CONTAINS(learned.out, "classifier of 3 categories");
  EXPECT_CONTAINS(learned.out, "10 of 60 examples are held out, a sixth of them: the preset would have 1000");
  EXPECT_CONTAINS(learned.out, "50 pictures to learn, 10 held out");
  EXPECT_CONTAINS(read_file(folder + "/classifier/net/config.txt"), "held_out=10\n");
  EXPECT_CONTAINS(learned.out, " % of 10 pictures held out");
  const std::string net = folder + "/classifier/net/checkpoint.safetensors", before = read_file(net);
  failure_of({"--exp", "classifier", "--data", data, "--out", folder, "--name", "net", "--overwrite"}, 1, 0);
  EXPECT_TRUE(read_file(net) == before);  // a full disk costs no earlier net

  train({"--category", "1", "--name", "ones"}, "17 examples");
  const Outcome o =
      run_program(run({"--evaluate", "--name", "ones", "--samples", "12", "--features", net, "--splits", "2"}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "NOT comparable with published numbers");
  const std::string report = read_file(folder + "/digits/ones/evaluation.json");
  for (const char *part : {"\"FID\": ", "\"KID x 1000\": ", "\"coverage\": ", "Category 1 (Figure 3)",
                           "\"softmax probability\": 0.", "\"top-1 error\": ", "\"top-5 error\": null}"})
    EXPECT_CONTAINS(report, part);

  // The category is --category's, or the folder's.
  std::filesystem::create_directory_symlink(data, folder + "/2");
  ASSERT_EQ(run_program({"--exp", "digits", "--data", folder + "/2", "--out", folder, "--algorithm", "cooperative",
                         "--iterations", "1", "--set", "batch=4", "chains=4", "langevin_steps=1"})
                .status,
            0);
  const Outcome by_folder = run_program({"--exp", "digits", "--data", folder + "/2", "--out", folder, "--evaluate",
                                         "--samples", "12", "--features", net});
  ASSERT_EQ(by_folder.status, 0) << by_folder.err;
  EXPECT_CONTAINS(by_folder.out, "Category 2 (Figure 3)");
  EXPECT_CONTAINS(by_folder.out, "10 held-out pictures");
  // FID of as many samples as there are held-out pictures, in units of theirs.
  const std::string held_out = read_file(folder + "/digits/2/evaluation.json");
  EXPECT_GE(reported(held_out, "Scores", "held-out pictures", "FID"), 0);
  EXPECT_EQ(reported(held_out, "Scores", "held-out pictures", "FID ratio"), 1);
  EXPECT_GT(reported(held_out, "Scores", "generator", "FID ratio"), 0);
  EXPECT_TRUE(std::isnan(reported(held_out, "Scores", "training pictures", "FID ratio")));

  EXPECT_CONTAINS(
      failure_of(run({"--evaluate", "--name", "ones", "--features", folder + "/digits/ones/checkpoint.safetensors"})),
      "holds no net for features");
  EXPECT_CONTAINS(failure_of({"--exp", "classifier", "--evaluate"}), "--features");
  EXPECT_CONTAINS(failure_of({"--exp", "classifier", "--data", data, "--out", folder, "--set", "held_out=0"}),
                  "--set held_out=N");
  std::filesystem::create_directories(folder + "/plain");
  save_png(folder + "/plain/a.png", noise(32, 32, 3));
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

// Table 2 needs a test set: without one it is left out, and all else is there.
TEST_F(EvaluateDigits, a_folder_of_pictures_has_all_tables_but_the_one_of_parzen_windows) {
  const std::string pictures = folder + "/pictures", net = folder + "/classifier/net/checkpoint.safetensors";
  for (int i = 0; i < 36; ++i) {
    const std::string category = pictures + (i % 2 ? "/odd" : "/even");
    std::filesystem::create_directories(category);
    save_png(category + "/" + std::to_string(100 + i) + ".png", noise(28, 28, 1, uint64_t(i)));
  }
  ASSERT_EQ(run_program({"--exp", "classifier", "--data", pictures, "--out", folder, "--name", "net", "--threads", "1",
                         "--iterations", "1", "--set", "batch=4", "size=16", "held_out=4"})
                .status,
            0);
  ASSERT_EQ(run_program(run({"--data", pictures, "--algorithm", "cooperative", "--iterations", "1", "--set", "batch=4",
                             "chains=4", "langevin_steps=1", "held_out=6"}))
                .status,
            0);
  const Outcome o = run_program(run({"--evaluate", "--name", "pictures", "--samples", "12", "--features", net}));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out, "no Table 2 (Parzen windows): " + pictures + " has no test set");
  const std::string report = read_file(folder + "/digits/pictures/evaluation.json");
  EXPECT_FALSE(contains(report, "Parzen"));
  EXPECT_GE(reported(report, "Scores of features", "generator", "FID"), 0);
  EXPECT_LE(reported(report, "Structural similarity", "descriptor", "SSIM"), 1);
  EXPECT_EQ(load_image(folder + "/digits/pictures/nearest_descriptor.png").height, 2 * (3 * 28 + 2 * 2));
}

TEST_F(EvaluateDigits, what_is_missing_is_said) {
  train();
  std::filesystem::remove(data + "/t10k-images-idx3-ubyte");
  save_png(data + "/a.png", noise(28, 28, 1));
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--data", data})), "has no test set");
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--data", folder, "--name", "none"})), "checkpoint.safetensors");
  train({"held_out=0", "--name", "all"}, "60 examples");
  EXPECT_CONTAINS(failure_of(run({"--evaluate", "--name", "all"})), "parzen=authors");
}

}  // namespace
}  // namespace coopnets
