// The command line, what a run leaves behind, and data that is no data: main.cpp, train.cpp, list.cpp, pictures.cpp.
#include <cmath>
#include <numeric>
#include <sstream>

#include "data/picture_files.h"
#include "program.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines(const std::string &text) {
  std::istringstream stream(text);
  std::vector<std::string> all;
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

TEST(Program, help_version_and_list_succeed) {
  const Outcome help = run_program({"--help"}), version = run_program({"--version"}), list = run_program({"--list"});
  for (const Outcome *o : {&help, &version, &list}) {
    EXPECT_EQ(o->status, 0);
    EXPECT_EQ(o->err, "");
  }
  EXPECT_CONTAINS(help.out, "--exp NAME");
  EXPECT_EQ(version.out.compare(0, 9, "coopnets "), 0) << version.out;
  EXPECT_EQ(lines(version.out).size(), 1u);
  for (const char *name :
       {"texture", "object", "scene", "digits", "cifar10", "celeba", "lsun", "completion", "dynamic-texture"})
    EXPECT_CONTAINS(list.out, std::string(name) + " - experiment ");
  EXPECT_CONTAINS(list.out, "conv 15x15 stride 3x3, ReLU -> 75x75 x 100");
  const std::string one = run_program({"--list", "--exp", "scene"}).out;
  EXPECT_EQ(one.find("scene - experiment 3"), 0u);
  EXPECT_CONTAINS(one, "settings (--set name=value ...):");
  for (const char *other : {"texture - ", "lsun - ", "classifier - "})
    EXPECT_EQ(one.find(other), std::string::npos) << other;
  EXPECT_EQ(one.find("rivals (--algorithm"), std::string::npos);
  const std::string texture = run_program({"--list", "--exp", "texture"}).out;
  EXPECT_CONTAINS(texture, "learned by cdrl, unless --algorithm or --preset paper say otherwise");
  EXPECT_CONTAINS(texture, "    --exp texture --preset quick (");
  EXPECT_EQ(texture.find("dcgan - "), std::string::npos);
  EXPECT_CONTAINS(list.out, "fully connected -> 1x1 x 100");
  EXPECT_CONTAINS(list.out, "deconv 5x5 stride 2x2, tanh -> 224x224 x 3");
}

TEST(Program, a_wrong_command_line_exits_with_2_and_names_the_nearest) {
  EXPECT_CONTAINS(failure_of({}, 2), "name an experiment by --exp NAME");
  EXPECT_CONTAINS(failure_of({"--exp", "textur"}, 2), "did you mean texture?");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--iteration", "3"}, 2), "did you mean --iterations?");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--set", "langevin_step=3"}, 2), "did you mean langevin_steps?");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--preset", "papr"}, 2), "did you mean paper?");
  EXPECT_CONTAINS(failure_of({"--bench", "digit"}, 2), "did you mean digits?");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--sigma", "1"}, 2), "--set sigma=");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--resume", "--overwrite"}, 2), "exclude each other");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--sample", "4", "--size", "x9"}, 2), "rows x columns");
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--seed", "\x1b[31m"}, 2), "--seed takes");
}

TEST_F(ProgramTest, a_run_leaves_its_files_and_nothing_else) {
  const Outcome o = run_program(train(3));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out, "texture, quick preset, on cpu, 1 thread");
  EXPECT_EQ(o.out.find("climb"), std::string::npos);
  EXPECT_CONTAINS(o.out, "3/3 100.0 %");
  EXPECT_CONTAINS(o.out, path("checkpoint.safetensors"));
  EXPECT_EQ(names(), (std::vector<std::string>{
                         "checkpoint.previous.safetensors", "checkpoint.safetensors", "config.txt", "evolution.png",
                         "log.csv", "observed.png", "report.html", "samples/iteration_000001_descriptor.png",
                         "samples/iteration_000001_generator.png", "samples/iteration_000002_descriptor.png",
                         "samples/iteration_000002_generator.png", "samples/iteration_000003_descriptor.png",
                         "samples/iteration_000003_generator.png"}));
  for (const std::string &name : names())
    if (has_image_name(name)) {
      const Image shown = load_image(path(name));
      EXPECT_EQ(shown.shape().str(), name == "evolution.png" ? "1x1x534x1032x3" : "1x1x534x512x3") << name;
      EXPECT_NE(shown.pixels, std::vector<uint8_t>(shown.pixels.size(), shown.pixels[0])) << name;
    }
  EXPECT_FALSE(load_image(path("samples/iteration_000001_descriptor.png")) ==
               load_image(path("samples/iteration_000003_descriptor.png")));

  const std::vector<std::string> log = lines(read_file(path("log.csv")));
  ASSERT_EQ(log.size(), 4u);
  EXPECT_EQ(log[0],
            "iteration,energy_observed,energy_initial,energy_revised,gradient,reconstruction,acceptance,drift,"
            "seconds");
  for (int row = 1; row <= 3; ++row) {
    EXPECT_EQ(log[row].compare(0, 2, std::to_string(row) + ','), 0) << log[row];
    EXPECT_EQ(std::count(log[row].begin(), log[row].end(), ','), 8) << log[row];
    EXPECT_FALSE(contains(log[row], "nan") || contains(log[row], "inf")) << log[row];
  }

  const SafetensorsFile file(path("checkpoint.safetensors")), previous(path("checkpoint.previous.safetensors"));
  EXPECT_EQ(file.metadata().at("iteration"), "3");
  EXPECT_EQ(previous.metadata().at("iteration"), "2");
  EXPECT_EQ(file.metadata().at("experiment"), "texture");
  EXPECT_EQ(file.at("descriptor.0.filters").shape, (std::vector<int64_t>{1, 15, 15, 3, 50}));
  EXPECT_EQ(file.at("generator.0.filters").shape, (std::vector<int64_t>{1, 5, 5, 128, 2}));
  EXPECT_TRUE(file.find("generator.4.bias.second_moment") && file.find("generator.3.running_variance"));

  // The run can be repeated from its config.txt alone, and its name and place are not part of it.
  const std::string config = read_file(path("config.txt"));
  for (const char *line : {"preset=quick", "precision=fp32", "langevin_steps=2", "name=run", "seed=1"})
    EXPECT_CONTAINS(config, std::string("\n") + line + "\n");
  expect_success({"--config", path("config.txt"), "--out", folder, "--name", "again"});
  EXPECT_TRUE(checkpoint("again") == checkpoint());
}

TEST_F(ProgramTest, what_does_nothing_is_refused_and_what_cannot_be_learned_is_said) {
  EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--set", "frames=9"}, 2),
                  "the setting frames does nothing in the experiment 'texture'");
  EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--category", "oak"}), "there is no category oak in ");
  EXPECT_FALSE(fs::exists(path("")));
  save_png(picture, Image(40, 40, 3, 77));
  EXPECT_CONTAINS(run_program(train(1)).err, "of one colour each: there is nothing to learn");
}

// At first the descriptor learns to tell the observed texture from what the chains make; once generator and Langevin
// dynamics have followed, it no longer can. (That the gap opens rules out a descriptor that tells nothing apart.)
TEST_F(ProgramTest, learning_closes_the_gap_between_the_energies_of_observed_and_revised_pictures) {
  expect_success(train(40) + Arguments{"--set", "langevin_steps=5", "langevin_step_size=0.002",
                                       "reference_deviation=0.016", "descriptor_init=0.01", "descriptor_rate=0.0003",
                                       "generator_rate=0.002", "generator_init=0.02"});
  std::vector<double> gap;  // of each iteration, as a share of the observed energy
  for (const std::string &row : lines(read_file(path("log.csv")))) {
    double iteration, observed, initial, revised;
    if (std::sscanf(row.c_str(), "%lf,%lf,%lf,%lf", &iteration, &observed, &initial, &revised) == 4)
      gap.push_back(std::abs(observed - revised) / std::abs(observed));
  }
  ASSERT_EQ(gap.size(), 40u);
  const auto mean = [&](int first, int last) { return std::accumulate(&gap[first], &gap[last], 0.) / (last - first); };
  EXPECT_GE(mean(1, 6), 0.6);
  EXPECT_LE(mean(30, 40), 0.15);
}

TEST_F(ProgramTest, a_run_is_replaced_by_overwrite_alone) {
  expect_success(train(2));
  const auto before = contents();
  const std::string refusal = failure_of(train(1));
  EXPECT_CONTAINS(refusal, "--resume");
  EXPECT_CONTAINS(refusal, "--overwrite");
  EXPECT_TRUE(contents() == before);

  expect_success(train(1) + Arguments{"--overwrite", "--seed", "2", "--quiet"});
  EXPECT_EQ(names(), (std::vector<std::string>{"checkpoint.previous.safetensors", "checkpoint.safetensors",
                                               "config.txt", "evolution.png", "log.csv", "observed.png", "report.html",
                                               "samples/iteration_000001_descriptor.png",
                                               "samples/iteration_000001_generator.png"}));
  for (const char *file : {"checkpoint.safetensors", "checkpoint.previous.safetensors"})
    EXPECT_EQ(SafetensorsFile(path(file)).metadata().at("seed"), "2");
}

TEST_F(ProgramTest, every_algorithm_runs) {
  for (const char *algorithm : {"descriptor", "persistent-cd", "generator"}) {
    expect_success(by(algorithm, train(2, algorithm)) + Arguments{"--set", "generator_steps=1"});
    const SafetensorsFile file(path("checkpoint.safetensors", algorithm));
    const bool generator = std::string(algorithm) == "generator";
    EXPECT_EQ(file.find("generator.0.filters") != nullptr, generator);
    EXPECT_EQ(file.find("descriptor.0.filters") != nullptr, !generator);
    EXPECT_EQ(fs::exists(path("samples/iteration_000002_generator.png", algorithm)), generator);
    EXPECT_EQ(fs::exists(path("samples/iteration_000002_descriptor.png", algorithm)), !generator);
  }
}

TEST_F(ProgramTest, data_teach_the_generator_where_they_are_given_a_weight) {
  expect_success(train(2) + Arguments{"--set", "data_weight=0.3", "generator_steps=1"});
  const std::vector<std::string> log = lines(read_file(path("log.csv")));
  ASSERT_EQ(log.size(), 3u);
  EXPECT_CONTAINS(log[0], ",reconstruction,reconstruction_data,acceptance,");
  EXPECT_NE(SafetensorsFile(path("checkpoint.safetensors")).find("latents"), nullptr);
  expect_success(use({"--sample", "2", "--quiet"}));
  const std::string alone =
      "data_weight is for cooperative learning, whose step G1 then infers latent vectors of the data too";
  EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--overwrite", "--set", "data_weight=0.3"}), alone);
  EXPECT_CONTAINS(failure_of(by("descriptor", train(1)) +
                             Arguments{"--overwrite", "--set", "data_weight=0.3", "generator_steps=1"}),
                  alone);
}

TEST_F(ProgramTest, a_bigger_picture_is_cropped_or_resized) {
  // What the nets were shown: the stretched picture, which spans all of 0 to 255.
  const auto observed = [&](const std::string &crop) {
    const std::string name = "crop_" + crop;
    expect_success(train(1, name) + Arguments{"--set", "crop=" + crop});
    return on_sheet(path("observed.png", name), 32, 32);
  };
  const auto expected = [&](const Crop &crop) {
    const Image cut = fit(load_image(picture), 32, 32, crop);
    std::vector<real> values(cut.pixels.size());
    to_reals(cut.pixels.data(), cut.size(), Normalise::stretch, values.data());
    return to_image(values.data(), 32, 32, 3);
  };
  EXPECT_EQ(observed("centre"), expected({Crop::centre, 0}));
  EXPECT_EQ(observed("none"), expected({Crop::none, 0}));
  EXPECT_EQ(observed("32"), expected({Crop::side, 32}));
  EXPECT_CONTAINS(failure_of(train(1, "large") + Arguments{"--set", "crop=41"}), picture);
  EXPECT_FALSE(fs::exists(path("", "large")));
}

TEST_F(ProgramTest, of_several_pictures_one_is_chosen) {
  const std::string pictures = folder + "/pictures/";
  create_folders(pictures);
  fs::copy_file(picture, pictures + "left.png");
  save_png(pictures + "right.png", noise(32, 32, 3));
  Arguments both = train(1);
  both[3] = pictures;
  const std::string refusal = failure_of(both);
  EXPECT_CONTAINS(refusal, "--category");
  EXPECT_CONTAINS(refusal, "left");
  EXPECT_CONTAINS(refusal, "right");
  EXPECT_CONTAINS(failure_of(both + Arguments{"--category", "middle"}), "left");
  expect_success(both + Arguments{"--category", "right"});
  const Image right = on_sheet(path("observed.png"), 32, 32);
  for (size_t i = 0; i < right.pixels.size(); ++i)
    ASSERT_NEAR(right.pixels[i], load_image(pictures + "right.png").pixels[i], 1);
}

TEST_F(ProgramTest, data_that_is_no_data_is_one_sentence_and_costs_no_earlier_run) {
  expect_success(train(1));
  const auto before = contents();
  const auto refuse = [&](const std::string &name, const std::vector<uint8_t> *bytes) {
    const std::string data = folder + '/' + name;
    if (bytes) write_bytes(data, *bytes);
    Arguments arguments = train(2) + Arguments{"--overwrite"};
    arguments[3] = data;
    EXPECT_CONTAINS(failure_of(arguments), name);
    EXPECT_TRUE(contents() == before) << name;
  };
  const std::vector<uint8_t> good = encode(noise(40, 40, 3), "png");
  std::vector<uint8_t> bytes;
  refuse("missing.png", nullptr);
  refuse("empty.png", &bytes);
  refuse("text.png", &(bytes = bytes_of("a letter to a friend", {})));
  refuse("truncated.png", &(bytes = {good.begin(), good.begin() + int64_t(good.size() / 2)}));
  bytes = good;
  for (const size_t at : {16, 20}) bytes[at] = 0x7F;  // width and height
  repair_png(bytes);
  refuse("huge.png", &bytes);
  bytes = good;
  for (size_t at = 60; at < 100; ++at) bytes[at] ^= 0x5A;
  refuse("corrupt.png", &bytes);
  create_folders(folder + "/nothing");
  refuse("nothing", nullptr);
}

TEST_F(ProgramTest, settings_that_fit_no_nets_are_one_sentence) {
  for (const char *size : {"size=1", "size=16", "size=48"})
    EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--set", size}), "size");
  EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--set", "descriptor=textur"}), "there is texture, texture-small");
  EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--set", "chains=1000000000"}), "out of memory");
  EXPECT_CONTAINS(failure_of(train(1) + Arguments{"--device", "cuda:77"}), "cuda");
  EXPECT_FALSE(fs::exists(folder + "/texture"));
}

TEST_F(ProgramTest, a_place_that_cannot_be_written_is_one_sentence) {
  Arguments elsewhere = train(1);
  elsewhere[5] = "/proc/coopnets";
  EXPECT_CONTAINS(failure_of(elsewhere), "/proc/coopnets");
  elsewhere[5] = picture;
  EXPECT_CONTAINS(failure_of(elsewhere), picture);
}

TEST_F(ProgramTest, learning_that_diverges_stops_and_keeps_the_last_good_checkpoint) {
  const std::string sentence = failure_of(train(60) + Arguments{"--set", "descriptor_rate=1e6"});
  EXPECT_CONTAINS(sentence, "is no longer a finite number, so learning stops");
  EXPECT_CONTAINS(sentence, "The last good checkpoint is kept: " + path("checkpoint.safetensors"));
  const SafetensorsFile file(path("checkpoint.safetensors"));
  for (const StoredTensor &tensor : file.tensors()) {
    std::vector<float> values(size_t(tensor.size()));
    file.read(tensor, values.data());
    for (const float value : values) ASSERT_TRUE(std::isfinite(value)) << tensor.name;
  }
}

}  // namespace
}  // namespace coopnets
