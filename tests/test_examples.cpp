#include "examples_test.h"

#include <set>

#include "clips.h"
#include "cpu/cpu.h"
#include "data/picture_files.h"
#include "experiments/model.h"

namespace coopnets {
namespace {

// Each position of the endless sequence shows a part of its own, which follows from the seed alone.
TEST_F(ExamplesTest, parts_of_a_texture) {
  const Image whole = noise(20, 13, 3, 5);
  save_png(folder + "/stones.png", whole);
  const Experiment &texture = find_experiment("texture");
  settings.crop = "random";
  settings.border = 1;
  const auto examples = open(texture, settings, folder + "/stones.png");
  const int64_t side = 10, example = side * side * 3;
  EXPECT_EQ(example_shape(texture, settings), (Shape{1, 1, side, side, 3}));
  EXPECT_EQ(examples->size(), 1);
  Shape shape = example_shape(texture, settings);
  const std::vector<real> all = examples->whole(0, shape);
  EXPECT_EQ(shape, (Shape{1, 1, 20, 13, 3}));
  std::vector<real> stretched(whole.pixels.size());
  to_reals(whole.pixels.data(), whole.size(), Normalise::stretch, stretched.data());
  EXPECT_EQ(all, stretched);  // by the whole picture's range
  const auto part = [&](int64_t top, int64_t left) {
    std::vector<real> values;
    for (int64_t h = top; h < top + side; ++h)
      values.insert(values.end(), all.begin() + (h * 13 + left) * 3, all.begin() + (h * 13 + left + side) * 3);
    return values;
  };
  EXPECT_EQ(examples->range(0, 1), part(5, 1));  // the middle
  std::set<std::pair<int64_t, int64_t>> places;
  std::vector<real> sequence;
  for (int64_t iteration = 0; iteration < 200; ++iteration) {
    const std::vector<real> two = examples->batch(iteration, 2);
    sequence.insert(sequence.end(), two.begin(), two.end());
    for (int64_t k = 0; k < 2; ++k) {
      const std::vector<real> one(two.begin() + k * example, two.begin() + (k + 1) * example);
      int64_t found = 0;
      for (int64_t top = 0; top <= 10; ++top)
        for (int64_t left = 0; left <= 3; ++left)
          if (one == part(top, left)) places.insert({top, left}), ++found;
      EXPECT_EQ(found, 1);
    }
  }
  EXPECT_EQ(places.size(), 44u);  // every part there is
  // Any iteration can be the first, whatever the batch.
  const auto again = open(texture, settings, folder + "/stones.png"),
             other = open(texture, settings, folder + "/stones.png", 2);
  const std::vector<real> four = again->batch(30, 4);
  EXPECT_TRUE(std::equal(four.begin(), four.end(), sequence.begin() + 120 * example));
  EXPECT_NE(other->batch(30, 4), four);

  // One that is too small is enlarged, and that is said.
  settings.size = 24;
  std::string said;
  const auto enlarged =
      open_examples(texture, settings, folder + "/stones.png", 1, [&](const std::string &w) { said += w; });
  EXPECT_CONTAINS(said, "stones.png has 20x13 pixels and is enlarged to 40x26: parts of 26x26 are learned from");
  EXPECT_EQ(enlarged->batch(0, 1).size(), 26u * 26 * 3);
  EXPECT_CONTAINS(refusal("scene", settings, folder),
                  "crop=random is for the experiments 'texture' and 'dynamic-texture'");
}

// Each is shown both ways, as the seed says of each position; what is looked at is as it was.
TEST_F(ExamplesTest, mirrored_pictures) {
  for (int i = 0; i < 3; ++i) save_png(folder + "/" + std::to_string(i) + ".png", noise(8, 8, 3, i + 1));
  const Experiment &scene = find_experiment("scene");
  const auto plain = open(scene, settings, folder);
  settings.mirror = "random";
  const auto examples = open(scene, settings, folder), later = open(scene, settings, folder);
  const int64_t row = 8 * 3, example = 8 * row;
  std::set<std::pair<int64_t, bool>> seen;
  std::vector<real> sequence;
  for (int64_t iteration = 0; iteration < 12; ++iteration) {
    const std::vector<int64_t> indices = examples->batch_indices(iteration, 2);
    const std::vector<real> two = examples->batch(iteration, 2);
    sequence.insert(sequence.end(), two.begin(), two.end());
    for (int64_t k = 0; k < 2; ++k) {
      const std::vector<real> one(two.begin() + k * example, two.begin() + (k + 1) * example);
      const std::vector<real> as_it_is = plain->range(indices[size_t(k)], 1);
      std::vector<real> mirrored(as_it_is.size());
      for (int64_t h = 0; h < 8; ++h)
        for (int64_t w = 0; w < 8; ++w)
          for (int64_t c = 0; c < 3; ++c) mirrored[h * row + w * 3 + c] = as_it_is[h * row + (7 - w) * 3 + c];
      EXPECT_TRUE(one == as_it_is || one == mirrored);
      seen.insert({indices[size_t(k)], one == mirrored});
    }
  }
  EXPECT_EQ(seen.size(), 6u);
  const std::vector<real> four = later->batch(3, 4);  // any iteration can be the first, whatever the batch
  EXPECT_TRUE(std::equal(four.begin(), four.end(), sequence.begin() + 12 * example));
  EXPECT_EQ(examples->range(0, 3), plain->range(0, 3));
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { learning_settings(settings, Algorithm::generator, 1, 3); }),
                  "each example keeps a latent vector here");
}

TEST_F(ExamplesTest, a_folder_of_pictures) {
  for (int i = 0; i < 4; ++i) save_png(folder + "/" + std::to_string(i) + ".png", noise(12, 8, 3, i + 1));
  const Experiment &scene = find_experiment("scene");
  const auto examples = open(scene, settings, folder);
  EXPECT_EQ(examples->size(), 4);
  EXPECT_EQ(examples->label(0), -1);
  expect_batches(*examples, 8 * 8 * 3);

  const Image cut = fit(noise(12, 8, 3, 3), 8, 8);
  std::vector<real> expected(cut.pixels.size());
  to_reals(cut.pixels.data(), cut.size(), Normalise::stretch, expected.data());
  EXPECT_EQ(examples->range(2, 1), expected);
  settings.normalise = "fixed";
  to_reals(cut.pixels.data(), cut.size(), Normalise::fixed, expected.data());
  EXPECT_EQ(open(scene, settings, folder)->range(2, 1), expected);

  settings.resize = "nearest";  // as the settings say
  const Image other = fit(noise(12, 8, 3, 3), 8, 8, {Crop::none, 0}, Resize::nearest);
  settings.crop = "none";
  to_reals(other.pixels.data(), other.size(), Normalise::fixed, expected.data());
  EXPECT_EQ(open(scene, settings, folder)->range(2, 1), expected);

  // The order follows from the seed.
  const auto order = [&](uint64_t seed) { return open(scene, settings, folder, seed)->batch_indices(0, 64); };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
}

TEST_F(ExamplesTest, categories_and_the_test_part) {
  for (const char *name : {"/cat/1.png", "/cat/2.png", "/dog/1.png"}) {
    std::filesystem::create_directories(std::filesystem::path(folder + name).parent_path());
    save_png(folder + name, noise(8, 8, 3, uint64_t(name[1])));
  }
  const auto both = open(find_experiment("object"), settings, folder);
  EXPECT_EQ(both->size(), 3);
  EXPECT_EQ(both->label(0), 0);
  EXPECT_EQ(both->label(1), 1);
  settings.category = "cat";
  EXPECT_EQ(open(find_experiment("object"), settings, folder)->size(), 2);
  settings.category = "cow";
  EXPECT_CONTAINS(refusal("object", settings, folder), "dog (1)");

  settings.category = "";
  const std::string digits = folder + "/digits/";
  write_bytes(digits + "train-images-idx3-ubyte", idx({3, 8, 8}, std::vector<uint8_t>(3 * 64, 9)));
  write_bytes(digits + "train-labels-idx1-ubyte", idx({3}, {7, 1, 2}));
  write_bytes(digits + "t10k-images-idx3-ubyte", idx({1, 8, 8}, std::vector<uint8_t>(64, 9)));
  write_bytes(digits + "t10k-labels-idx1-ubyte", idx({1}, {4}));
  EXPECT_EQ(open(find_experiment("digits"), settings, digits)->size(), 3);
  EXPECT_EQ(open(find_experiment("digits"), settings, digits, 1, Part::test)->size(), 1);
}

// A number that the user chose is taken; a preset's is a sixth at most, and becomes what was set aside.
TEST_F(ExamplesTest, held_out_examples_are_recorded_and_never_learned) {
  std::vector<std::vector<real>> all;
  for (int i = 0; i < 13; ++i) save_png(folder + "/" + std::to_string(10 + i) + ".png", noise(8, 8, 3, i + 1));
  const Experiment &scene = find_experiment("scene");
  for (int64_t i = 0; i < 13; ++i) all.push_back(open(scene, settings, folder)->range(i, 1));
  const auto none = [](const std::string &) {};
  std::string said;
  const auto learned = [&](int64_t wished, bool chosen, uint64_t seed) {
    settings.held_out = wished;
    said.clear();
    return open_training_examples(
        scene, settings, folder, seed, none, [&](const std::string &text) { said = text; }, chosen);
  };
  const auto expect_split = [&](const Examples &training, uint64_t seed) {
    const auto held_out = open(scene, settings, folder, seed, Part::held_out);
    EXPECT_EQ(held_out->size(), settings.held_out);
    std::vector<std::vector<real>> both, sorted = all;
    for (const Examples *part : {&training, const_cast<const Examples *>(held_out.get())})
      for (int64_t i = 0; i < part->size(); ++i) both.push_back(part->range(i, 1));
    std::sort(both.begin(), both.end());
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(both, sorted);
    const auto again = open(scene, settings, folder, seed);  // as a later evaluation opens them
    ASSERT_EQ(again->size(), training.size());
    EXPECT_EQ(again->range(0, again->size()), training.range(0, training.size()));
  };
  const auto preset = learned(1000, false, 4);
  EXPECT_EQ(settings.held_out, 2);
  EXPECT_EQ(said,
            "2 of 13 examples are held out, a sixth of them: the preset would have 1000 (--set held_out=N chooses)");
  expect_split(*preset, 4);
  const auto chosen = learned(12, true, 4);
  EXPECT_EQ(settings.held_out, 12);
  EXPECT_EQ(said, "");
  expect_split(*chosen, 4);
  learned(1, false, 4);
  EXPECT_EQ(settings.held_out, 1);
  EXPECT_EQ(said, "");
  EXPECT_EQ(error_of([&] { learned(13, true, 4); }),
            "held_out=13 leaves nothing to learn: there are 13 examples in " + folder);
}

TEST_F(ExamplesTest, a_texture_is_one_picture) {
  const Experiment &texture = find_experiment("texture");
  EXPECT_CONTAINS(refusal("texture", settings, folder), folder);  // nothing there
  save_png(folder + "/left.png", noise(8, 8, 3, 1));
  save_png(folder + "/right.png", noise(8, 8, 3, 2));
  EXPECT_EQ(open(texture, settings, folder + "/left.png")->size(), 1);
  EXPECT_CONTAINS(refusal("texture", settings, folder), "choose one by --category NAME: left.png, right.png");
  settings.category = "right";
  EXPECT_EQ(open(texture, settings, folder)->range(0, 1), open(
                                                              texture,
                                                              [&] {
                                                                Settings s = settings;
                                                                s.category = "";
                                                                return s;
                                                              }(),
                                                              folder + "/right.png")
                                                              ->range(0, 1));
}

// From the files to the parameters: what is read again each epoch teaches the same as what is kept.
TEST_F(ExamplesTest, a_run_on_streamed_data_is_that_on_data_in_memory) {
  for (int i = 0; i < 7; ++i) save_png(folder + "/" + std::to_string(i) + ".png", noise(40, 36, 3, i + 1));
  const Experiment &experiment = find_experiment("cifar10");
  settings = experiment.settings("quick");
  settings.batch = 3;
  settings.chains = 2;
  settings.langevin_steps = 1;
  const auto learned = [&](int64_t memory, uint64_t seed) {
    const auto examples = open_examples(
        experiment, settings, folder, seed, [](const std::string &) {}, Part::train, memory);
    const std::unique_ptr<Backend> backend = make_cpu_backend(1);
    Model model = make_model(*backend, experiment, settings, 1);
    Cooperative learner(*backend, model.descriptor.get(), model.generator.get(),
                        learning_settings(settings, Algorithm::cooperative, 1, examples->size()), examples->size());
    for (int64_t i = 0; i < 4; ++i) learner.iterate(i, 1, {examples->batch(i, 3), examples->batch_indices(i, 3), {}});
    std::vector<std::vector<real>> state;
    for (const auto &[name, view] : learner.state()) state.push_back(values(*backend, view));
    return state;
  };
  EXPECT_TRUE(learned(0, 5) == learned(memory_for_examples(), 5));
  EXPECT_FALSE(learned(0, 6) == learned(memory_for_examples(), 5));
}

TEST_F(ExamplesTest, says_where_to_get_what_is_missing) {
  EXPECT_CONTAINS(refusal("scene", settings, folder + "/none"), folder + "/none does not exist");
  Experiment own = find_experiment("texture");
  own.default_data = folder + "/own.png";
  EXPECT_CONTAINS(error_of([&] { open(own, settings, ""); }),
                  "name other data by --data PATH (tools/get-data fetches some;");
  save_png(own.default_data, noise(8, 8, 3));
  EXPECT_EQ(open(own, settings, "")->size(), 1);
}

}  // namespace
}  // namespace coopnets
