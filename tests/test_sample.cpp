// New samples from a checkpoint, as files: sample.cpp, saved_model.cpp.
#include <cstring>

#include "app/lettering.h"
#include "experiments/experiment.h"
#include "program.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

class Sample : public ProgramTest {
 protected:
  Sample() { expect_success(train(2)); }

  Outcome sample(const Arguments &more) const { return run_program(use(Arguments{"--sample"} + more)); }
  void expect_sampled(const Arguments &more) const {
    const Outcome o = sample(more);
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.err, "");
  }
  static std::string pixels_or_bytes(const std::string &file) {
    if (!has_image_name(file)) return read_file(file, size_t{1} << 26);
    const Image image = load_image(file);
    return {image.pixels.begin(), image.pixels.end()};
  }
  // The bytes of everything in sampled/, which goes; of pictures, their pixels: their texts tell one call from another.
  std::vector<std::pair<std::string, std::string>> sampled() const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto &entry : fs::directory_iterator(path("sampled")))
      all.emplace_back(entry.path().filename(), pixels_or_bytes(entry.path()));
    std::sort(all.begin(), all.end());
    fs::remove_all(path("sampled"));
    return all;
  }
};

// What numpy.load reads: the header's shape and the little-endian floats, by the format's own description.
struct Array {
  std::string shape;
  std::vector<float> values;
};
Array parse_npy(const std::string &bytes) {
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t length = uint8_t(bytes.at(8)) + 256 * uint8_t(bytes.at(9));
  EXPECT_EQ((10 + length) % 64, 0u);
  const std::string header = bytes.substr(10, length);
  EXPECT_CONTAINS(header, "'descr': '<f4'");
  EXPECT_CONTAINS(header, "'fortran_order': False");
  EXPECT_EQ(header.back(), '\n');
  const size_t open = header.find('('), close = header.find(')');
  Array array{header.substr(open + 1, close - open - 1), std::vector<float>((bytes.size() - 10 - length) / 4)};
  std::memcpy(array.values.data(), bytes.data() + 10 + length, 4 * array.values.size());
  return array;
}

TEST_F(Sample, a_checkpoint_tells_its_experiment_and_out_is_where_samples_go) {
  const std::string model = path("checkpoint.safetensors"), elsewhere = folder + "/elsewhere";
  expect_success({"--checkpoint", model, "--sample", "1", "--quiet"});
  EXPECT_TRUE(fs::exists(path("sampled/descriptor_000000.png")));
  fs::remove_all(path("sampled"));
  for (const char *action : {"--sample=1", "--interpolate", "--evaluate"})
    expect_success({"--checkpoint=" + model, action, "--out", elsewhere, "--quiet"});
  for (const char *made : {"sampled/descriptor_000000.png", "interpolation", "evaluation.json"}) {
    EXPECT_TRUE(fs::exists(elsewhere + '/' + made)) << made;
    EXPECT_FALSE(fs::exists(path(made))) << made;
  }
  EXPECT_CONTAINS(failure_of({"--checkpoint", picture, "--sample", "1"}), picture);
}

TEST_F(Sample, set_changes_the_revision_and_never_the_nets) {
  expect_sampled({"1"});
  const auto as_trained = sampled();
  expect_sampled({"1", "--set", "langevin_steps=0"});
  const auto unrevised = sampled();
  ASSERT_EQ(as_trained.size(), unrevised.size());
  for (size_t i = 0; i < as_trained.size(); ++i) {
    const bool descriptor = as_trained[i].first.find("descriptor") == 0;
    EXPECT_EQ(as_trained[i].second == unrevised[i].second, !descriptor) << as_trained[i].first;
  }
  const Outcome o = sample({"1", "--set", "size=64"});
  EXPECT_EQ(o.status, 1);
  EXPECT_CONTAINS(o.err, "the shape of its nets cannot be changed");
}

// The averages are those of the weights after each iteration, leave learning alone, and are what samples are made with.
TEST_F(Sample, averaged_weights) {
  const Arguments averaging = {"--set", "averaging=1"};
  const auto tensor = [&](const std::string &run, const std::string &name) {
    const SafetensorsFile file(path("checkpoint.safetensors", run));
    const StoredTensor *stored = file.find(name);
    std::vector<float> values(stored ? stored->size() : 0);
    if (stored) file.read(*stored, values.data());
    return values;
  };
  std::string filters;
  std::vector<double> mean;
  for (int iteration = 1; iteration <= 2; ++iteration) {
    const std::string run = "averaged_" + std::to_string(iteration);
    expect_success(train(iteration, run) + averaging);
    const SafetensorsFile file(path("checkpoint.safetensors", run));
    for (const StoredTensor &stored : file.tensors())
      if (contains(stored.name, "filters.average")) filters = stored.name.substr(0, stored.name.find(".average"));
    ASSERT_NE(filters, "");
    const std::vector<float> values = tensor(run, filters);
    ASSERT_FALSE(values.empty());
    mean.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) mean[i] += values[i] / 2;
  }
  const std::vector<float> last = tensor("averaged_2", filters), average = tensor("averaged_2", filters + ".average");
  ASSERT_EQ(average.size(), mean.size());
  for (size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(average[i], mean[i], 1e-7);
  EXPECT_FALSE(average == last);
  EXPECT_TRUE(last == tensor("run", filters));
  EXPECT_TRUE(tensor("run", filters + ".average").empty());
  // The same last weights, other averages: other samples.
  const auto sampled_generator = [&](const std::string &run) {
    expect_success({"--exp", "texture", "--out", folder, "--name", run, "--threads", "1", "--sample", "1"});
    return pixels_or_bytes(path("sampled/generator.png", run));
  };
  EXPECT_FALSE(sampled_generator("averaged_2") == sampled_generator("run"));
}

TEST_F(Sample, pictures_one_by_one_and_together) {
  expect_sampled({"3"});
  std::vector<std::string> names;
  for (const auto &entry : fs::directory_iterator(path("sampled"))) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"descriptor.png", "descriptor_000000.png", "descriptor_000001.png",
                                             "descriptor_000002.png", "generator.png", "generator_000000.png",
                                             "generator_000001.png", "generator_000002.png"}));
  for (const std::string kind : {"generator", "descriptor"}) {
    std::vector<Image> all;
    for (int k = 0; k < 3; ++k)
      all.push_back(load_image(path("sampled/" + kind + "_00000" + std::to_string(k) + ".png")));
    EXPECT_EQ(all[0].shape().str(), "1x1x32x32x3");
    EXPECT_FALSE(all[0] == all[1]);
    EXPECT_EQ(load_image(path("sampled/" + kind + ".png")),
              labelled(resize(grid(all), 8 * 66, 8 * 66, Resize::nearest), kind + ", iteration 2"));
  }
  EXPECT_FALSE(load_image(path("sampled/generator.png")) == load_image(path("sampled/descriptor.png")));
}

TEST_F(Sample, the_folder_holds_those_of_the_last_call_and_what_is_not_ours) {
  expect_sampled({"3"});
  expect_sampled({"2", "--save", "npy"});
  std::vector<std::string> arrays;
  for (const auto &entry : fs::directory_iterator(path("sampled"))) arrays.push_back(entry.path().filename());
  std::sort(arrays.begin(), arrays.end());
  EXPECT_EQ(arrays, (std::vector<std::string>{"descriptor.npy", "descriptor.png", "generator.npy", "generator.png"}));

  const std::string others[] = {"notes.txt", "generator_best.png", "my_generator_000000.png", "generator_000001.jpg"};
  for (const std::string &file : others) write_atomically(path("sampled/" + file), "mine");
  create_folders(path("sampled/generator_000007.png"));
  expect_sampled({"1"});
  for (const std::string &file : others) EXPECT_EQ(read_file(path("sampled/" + file)), "mine") << file;
  EXPECT_TRUE(fs::is_directory(path("sampled/generator_000007.png")));
  std::vector<std::string> left;
  for (const std::string &file : names())
    if (contains(file, "sampled/") && read_file(path(file)) != "mine") left.push_back(file);
  EXPECT_EQ(left, (std::vector<std::string>{"sampled/descriptor.png", "sampled/descriptor_000000.png",
                                            "sampled/generator.png", "sampled/generator_000000.png"}));
}

TEST_F(Sample, number_k_is_the_same_whatever_their_number_and_the_threads) {
  expect_sampled({"2", "--save", "npy"});
  const auto two = sampled();
  expect_success(
      {"--exp", "texture", "--out", folder, "--name", "run", "--sample", "5", "--save", "npy", "--threads", "2"});
  const auto five = sampled();
  ASSERT_EQ(two.size(), 4u);  // descriptor.npy, descriptor.png, generator.npy, generator.png
  for (const size_t kind : {0, 2}) {
    const Array a = parse_npy(two[kind].second), b = parse_npy(five[kind].second);
    EXPECT_EQ(a.shape, "2, 32, 32, 3") << two[kind].first;
    EXPECT_EQ(b.shape, "5, 32, 32, 3");
    ASSERT_EQ(a.values.size(), size_t{2 * 32 * 32 * 3});
    ASSERT_EQ(b.values.size(), size_t{5 * 32 * 32 * 3});
    EXPECT_TRUE(std::equal(a.values.begin(), a.values.end(), b.values.begin())) << two[kind].first;
  }
  expect_sampled({"2", "--save", "npy", "--seed", "7"});
  EXPECT_FALSE(sampled()[2].second == two[2].second);
}

TEST_F(Sample, the_array_holds_what_the_pictures_show) {
  expect_sampled({"2", "--save", "npy"});
  const auto arrays = sampled();  // descriptor.npy, descriptor.png, generator.npy, generator.png
  ASSERT_EQ(arrays.size(), 4u);
  expect_sampled({"2"});
  for (const std::string kind : {"generator", "descriptor"}) {
    const Array array = parse_npy(arrays[kind == "generator" ? 2 : 0].second);
    for (int k = 0; k < 2; ++k)
      EXPECT_EQ(load_image(path("sampled/" + kind + "_00000" + std::to_string(k) + ".png")),
                to_image(array.values.data() + k * 32 * 32 * 3, 32, 32, 3));
  }
}

TEST_F(Sample, any_size_that_is_asked_for) {
  for (const auto &[text, height, width] : {std::tuple{"40x70", 40, 70}, {"1x3", 1, 3}, {"64x32", 64, 32}}) {
    expect_sampled({"1", "--size", text});
    for (const char *kind : {"generator", "descriptor"}) {
      const Image made = load_image(path(std::string("sampled/") + kind + "_000000.png"));
      EXPECT_EQ(made.height, height) << text;
      EXPECT_EQ(made.width, width) << text;
    }
  }
}

TEST_F(Sample, interpolation_walks_between_latent_vectors) {
  // By running statistics a sample is the same in any company.
  const Arguments alone = {"--set", "statistics=running"};
  EXPECT_EQ(run_program(use(Arguments{"--interpolate"} + alone)).status, 0);
  constexpr int side = 8 * 32 + 7 * 2;  // on a sheet that is enlarged twice
  const Image lines = load_image(path("interpolation/lines.png")),
              sphere = load_image(path("interpolation/sphere.png"));
  const auto cell = [](const Image &of, int row, int column) {
    return crop(resize(of, side, side, Resize::nearest), 34 * row, 34 * column, 32, 32);
  };
  for (const Image *image : {&lines, &sphere}) {
    EXPECT_EQ(image->height, 2 * side);
    EXPECT_EQ(image->width, 2 * side);
    EXPECT_FALSE(cell(*image, 0, 0) == cell(*image, 0, 7));
    EXPECT_FALSE(cell(*image, 0, 0) == cell(*image, 7, 0));
  }
  // The ends are samples 0, 1, 2, ... themselves.
  expect_sampled(Arguments{"4"} + alone);
  const auto sample = [&](int k) { return load_image(path("sampled/generator_00000" + std::to_string(k) + ".png")); };
  EXPECT_EQ(cell(lines, 0, 0), sample(0));
  EXPECT_EQ(cell(lines, 0, 7), sample(1));
  EXPECT_EQ(cell(lines, 1, 0), sample(2));
  EXPECT_EQ(cell(sphere, 0, 0), sample(0));
  EXPECT_EQ(cell(sphere, 0, 7), sample(1));
  EXPECT_EQ(cell(sphere, 7, 0), sample(2));
  EXPECT_EQ(cell(sphere, 7, 7), sample(3));
}

TEST_F(Sample, one_as_the_file_that_is_named) {
  expect_sampled({"1", "--seed", "7"});
  const auto usual = sampled();  // descriptor.png, descriptor_000000.png, generator.png, ...
  const Outcome o = sample({"1", "--seed", "7", "--save", folder + "/mine.png"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, folder + "/mine.png is one sample, revised by the descriptor\n");
  EXPECT_EQ(pixels_or_bytes(folder + "/mine.png"), usual[1].second);
  EXPECT_FALSE(fs::exists(path("sampled"))) << "nothing else is written";
  EXPECT_CONTAINS(failure_of(use({"--sample", "2", "--save", folder + "/mine.png"}), 2),
                  "takes one sample, and --sample asks for 2: --save png writes a file of each");
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--save", folder + "/none/mine.png"})),
                  "there is no folder " + folder + "/none");
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--save", "mine.jpg"}), 2),
                  "--save takes png, npy or the name of a FILE.png, not 'mine.jpg'");
  EXPECT_EQ(pixels_or_bytes(folder + "/mine.png"), usual[1].second);
}

TEST_F(Sample, what_cannot_be_sampled_is_one_sentence) {
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--frames", "64"})), "--frames is for videos");
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--checkpoint", folder + "/none"})), folder + "/none");
  for (const char *wish : {"--sample=1", "--interpolate", "--complete"})
    EXPECT_CONTAINS(failure_of({"--exp", "texture", "--out", folder, wish, "--name", "never"}), "yet: train it first");
  EXPECT_CONTAINS(failure_of(use({"--interpolate", "--checkpoint", picture})), picture);
  EXPECT_CONTAINS(failure_of({"--exp", "scene", "--sample", "1", "--checkpoint", path("checkpoint.safetensors")}),
                  "of the experiment 'texture', not of 'scene'");
  expect_success(by("descriptor", train(1, "alone")));
  const Arguments alone = {"--exp", "texture", "--checkpoint", path("checkpoint.safetensors", "alone")};
  EXPECT_CONTAINS(failure_of(alone + Arguments{"--interpolate"}), "holds no generator");
}

// Algorithm D: new chains from the reference distribution. Persistent CD: the chains that the checkpoint keeps.
TEST_F(Sample, a_descriptor_alone_has_chains) {
  const Arguments set = {"--set", "chains=3"};
  expect_success(by("descriptor", train(2, "alone")) + set);
  const auto arrays = [&](const std::string &run, const Arguments &more) {
    expect_success(Arguments{"--exp", "texture", "--out", folder, "--name", run, "--threads", "1", "--save", "npy"} +
                   more);
    EXPECT_FALSE(fs::exists(path("sampled/generator.png", run)));
    return parse_npy(read_file(path("sampled/descriptor.npy", run), size_t{1} << 26));
  };
  const Array start = arrays("alone", {"--sample", "4", "--set", "sample_steps=0"});
  EXPECT_EQ(start.shape, "4, 32, 32, 3");
  double squares = 0;
  for (const float x : start.values) squares += double(x) * x;
  const double s = find_experiment("texture").settings("quick").reference_deviation;
  EXPECT_NEAR(std::sqrt(squares / double(start.values.size())), s, 0.03 * s);  // 12288 numbers: 0.6 %
  const Array two = arrays("alone", {"--sample", "2"}), four = arrays("alone", {"--sample", "4"});
  EXPECT_TRUE(std::equal(two.values.begin(), two.values.end(), four.values.begin()));
  EXPECT_FALSE(std::equal(two.values.begin(), two.values.end(), start.values.begin()));
  EXPECT_EQ(arrays("alone", {"--sample", "1", "--size", "40x48"}).shape, "1, 40, 48, 3");

  expect_success(by("persistent-cd", train(2, "kept")) + set);
  const SafetensorsFile file(path("checkpoint.safetensors", "kept"));
  std::vector<float> chains(3 * 32 * 32 * 3);
  file.read(file.at("chains"), chains.data());
  EXPECT_EQ(arrays("kept", {"--sample", "3"}).values, chains);
  chains.resize(2 * 32 * 32 * 3);
  EXPECT_EQ(arrays("kept", {"--sample", "2"}).values, chains);
  // Further samples are those chains after another revision each: new ones, the same again, and whatever the number.
  const Array seven = arrays("kept", {"--sample", "7"}), five = arrays("kept", {"--sample", "5"});
  ASSERT_EQ(seven.shape, "7, 32, 32, 3");
  EXPECT_TRUE(std::equal(chains.begin(), chains.end(), seven.values.begin()));
  EXPECT_TRUE(std::equal(five.values.begin(), five.values.end(), seven.values.begin()));
  const size_t size = 32 * 32 * 3;
  for (size_t a = 0; a < 7; ++a)
    for (size_t b = 0; b < a; ++b)
      EXPECT_FALSE(std::equal(seven.values.begin() + a * size, seven.values.begin() + (a + 1) * size,
                              seven.values.begin() + b * size))
          << a << ' ' << b;
  const Arguments kept = {"--exp", "texture", "--out", folder, "--name", "kept"};
  EXPECT_CONTAINS(failure_of(kept + Arguments{"--sample", "1", "--size", "40x48"}), "keeps no chains of 40x48");
  const Outcome o = run_program(kept + Arguments{"--evaluate", "--samples", "4"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "\n  descriptor ");
  EXPECT_FALSE(contains(o.out, "\n  generator "));
}

TEST_F(Sample, the_closing_note_names_what_is_there) {
  const auto note = [&](const Arguments &more) {
    const std::string out = sample(more).out;
    return out.substr(out.find(path("sampled")) + path("sampled").size());
  };
  EXPECT_EQ(note({"2"}),
            ": generator_000000.png to generator_000001.png and, revised by the descriptor, descriptor_000000.png to "
            "descriptor_000001.png (all on one sheet: generator.png, descriptor.png)\n");
  EXPECT_EQ(
      note({"101", "--save", "npy"}),
      ": generator.npy and, revised by the descriptor, descriptor.npy (the first 100 on one sheet: generator.png, "
      "descriptor.png)\n");
}

TEST_F(Sample, a_sheet_that_fails_costs_no_array) {
  create_folders(path("sampled/generator.png"));
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--save", "npy"})), "generator.png");
  for (const char *kind : {"generator", "descriptor"})
    EXPECT_EQ(parse_npy(read_file(path(std::string("sampled/") + kind + ".npy"))).shape, "1, 32, 32, 3");
}

TEST_F(Sample, nets_of_one_size_make_pictures_of_that_size_alone) {
  create_folders(folder + "/pictures");
  fs::copy_file(picture, folder + "/pictures/one.png");
  expect_success({"--exp", "cifar10", "--data", folder + "/pictures", "--out", folder, "--name", "run", "--algorithm",
                  "cooperative", "--set", "chains=1", "batch=1", "langevin_steps=1", "latent=1", "--iterations", "1",
                  "--threads", "1"});
  const Arguments base = {"--exp", "cifar10", "--out", folder, "--name", "run", "--sample", "1"};
  EXPECT_CONTAINS(failure_of(base + Arguments{"--size", "64x64"}), "make pictures of 32x32 alone");
  expect_success(base);
}

}  // namespace
}  // namespace coopnets
