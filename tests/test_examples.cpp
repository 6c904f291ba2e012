#include "experiments/examples.h"

#include <set>

#include "clips.h"
#include "cpu/cpu.h"
#include "data/picture_files.h"
#include "experiments/model.h"

namespace coopnets {
namespace {

class ExamplesTest : public FolderTest {
 protected:
  std::unique_ptr<Examples> open(const Experiment &experiment, const Settings &s, const std::string &path,
                                 uint64_t seed = 1, Part part = Part::train) const {
    return open_examples(
        experiment, s, path, seed, [](const std::string &) {}, part);
  }
  std::string refusal(const char *experiment, const Settings &s, const std::string &path) const {
    return error_of([&] { open(find_experiment(experiment), s, path); });
  }
  // Batches are made of the examples that their indices say, in an order of each epoch's own.
  void expect_batches(Examples &examples, int64_t example_size) const {
    std::vector<int64_t> epochs;
    for (int64_t iteration : {3, 0, 1, 2}) {  // any one can be the first
      const std::vector<int64_t> indices = examples.batch_indices(iteration, 2);
      const std::vector<real> batch = examples.batch(iteration, 2);
      ASSERT_EQ(indices.size(), 2u);
      ASSERT_EQ(batch.size(), size_t(2 * example_size));
      for (int64_t k = 0; k < 2; ++k) {
        const std::vector<real> one = examples.range(indices[k], 1);
        EXPECT_TRUE(std::equal(one.begin(), one.end(), batch.begin() + k * example_size));
      }
    }
    for (int64_t iteration = 0; 2 * iteration < 2 * examples.size(); ++iteration)
      for (const int64_t index : examples.batch_indices(iteration, 2)) epochs.push_back(index);
    for (const auto begin : {epochs.begin(), epochs.begin() + examples.size()}) {  // each a permutation
      std::vector<int64_t> epoch(begin, begin + examples.size());
      std::sort(epoch.begin(), epoch.end());
      for (int64_t i = 0; i < examples.size(); ++i) EXPECT_EQ(epoch[i], i);
    }
  }
  Settings settings = [] {
    Settings s;
    s.size = 8;
    s.frames = 4;
    return s;
  }();
};

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

TEST_F(ExamplesTest, clips) {
  const std::vector<uint8_t> dark(64, 10), light(64, 90), other(64, 50);
  write_text(folder + "/a.gif",
             make_gif(8, 8, {{0, 0, 8, 8, dark}, {0, 0, 4, 8, light}, {0, 0, 8, 8, other}, {0, 0, 8, 4, dark}}));
  write_text(folder + "/b.gif",
             make_gif(8, 8, {{0, 0, 8, 8, light}, {0, 0, 8, 2, dark}, {0, 0, 2, 8, other}, {0, 0, 8, 8, dark}}));
  const Experiment &video = find_experiment("dynamic-texture");
  const auto clips = open(video, settings, folder);
  EXPECT_EQ(clips->size(), 2);
  EXPECT_EQ(clips->label(0), -1);
  expect_batches(*clips, 4 * 8 * 8 * 3);
  EXPECT_EQ(clips->range(0, 1), to_reals(read_clip(folder + "/a.gif", 4, 8, 8, parse_crop("centre")), Stretch::frame));
  settings.normalise = "video";
  EXPECT_EQ(open(video, settings, folder)->range(1, 1),
            to_reals(read_clip(folder + "/b.gif", 4, 8, 8, parse_crop("centre")), Stretch::video));
  settings.size = 5;
  settings.resize = "nearest";
  EXPECT_EQ(open(video, settings, folder)->range(1, 1),
            to_reals(read_clip(folder + "/b.gif", 4, 5, 5, parse_crop("centre"), Resize::nearest), Stretch::video));
  settings.resize = "bicubic";
  EXPECT_EQ(open(video, settings, folder)->range(1, 1),
            to_reals(read_clip(folder + "/b.gif", 4, 5, 5, parse_crop("centre"), Resize::bicubic), Stretch::video));
  EXPECT_NE(read_clip(folder + "/b.gif", 4, 5, 5, {}, Resize::bicubic)[1].pixels,
            read_clip(folder + "/b.gif", 4, 5, 5, {}, Resize::nearest)[1].pixels);
}

TEST_F(ExamplesTest, frames_of_other_kinds_among_a_clips_are_said) {
  for (int t = 0; t < 4; ++t) write_bytes(folder + "/" + std::to_string(t) + ".png", encode_png(noise(8, 8, 3)));
  std::vector<std::string> warnings;
  const auto open_clip = [&] {
    return open_examples(
        find_experiment("dynamic-texture"), settings, folder, 1,
        [&](const std::string &sentence) { warnings.push_back(sentence); }, Part::train);
  };
  EXPECT_EQ(open_clip()->size(), 1);
  EXPECT_TRUE(warnings.empty());
  for (const char *name : {"/4.webp", "/5.WEBP", "/notes.txt"}) write_bytes(folder + name, {1});
  EXPECT_EQ(open_clip()->size(), 1);
  EXPECT_EQ(warnings, std::vector<std::string>{
                          "in " + folder +
                          " 2 files end in .webp, which is not read: convert such to PNG, as ImageMagick's 'mogrify "
                          "-format png *.webp' does; the clips are learned without them"});
}

// Each position of the endless sequence shows neighbouring frames of its own, which follow from the seed alone.
TEST_F(ExamplesTest, parts_of_a_clip) {
  std::vector<GifFrame> frames;
  for (int t = 0; t < 11; ++t) {
    frames.push_back({0, 0, 8, 8, std::vector<uint8_t>(64, uint8_t(10 * t))});
    frames.back().indices[0] = 120;
  }
  write_text(folder + "/a.gif", make_gif(8, 8, frames));
  const Experiment &experiment = find_experiment("dynamic-texture");
  settings.crop = "random";
  settings.border = 1;  // six frames of the eleven
  settings.normalise = "video";
  const auto examples = open(experiment, settings, folder + "/a.gif");
  const std::vector<real> clip = to_reals(read_clip(folder + "/a.gif", 11, 8, 8), Stretch::video);
  Shape shape;
  EXPECT_EQ(examples->whole(0, shape), clip);
  EXPECT_EQ(shape, (Shape{1, 11, 8, 8, 3}));
  const int64_t frame = 8 * 8 * 3;
  const auto part = [&](int64_t first) {
    return std::vector<real>(clip.begin() + first * frame, clip.begin() + (first + 6) * frame);
  };
  EXPECT_EQ(examples->range(0, 1), part(2)) << "the middle";
  std::set<int64_t> seen;
  for (int64_t iteration = 0; iteration < 40; ++iteration) {
    const std::vector<real> two = examples->batch(iteration, 2);
    ASSERT_EQ(int64_t(two.size()), 12 * frame);
    for (const int64_t k : {0, 1}) {
      const std::vector<real> one(two.begin() + k * 6 * frame, two.begin() + (k + 1) * 6 * frame);
      int64_t first = 0;
      while (first <= 5 && one != part(first)) ++first;
      ASSERT_LE(first, 5) << "no six neighbouring frames";
      seen.insert(first);
    }
  }
  EXPECT_EQ(seen.size(), 6u) << "every part is shown";
  Settings longer = settings;
  longer.frames = 10;
  EXPECT_CONTAINS(refusal("dynamic-texture", longer, folder + "/a.gif"),
                  "has 11 frames, but 12 are needed, 2 of them before and after what is shown: give a longer clip, or "
                  "--set frames=9, or --set short=mirror");
  longer.short_clips = "mirror";
  EXPECT_EQ(open(experiment, longer, folder + "/a.gif")->range(0, 1),
            to_reals(lengthened(read_clip(folder + "/a.gif", 11, 8, 8), 12, Short::mirror), Stretch::video));
  EXPECT_EQ(open(experiment, settings, folder + "/a.gif")->batch(7, 2), examples->batch(7, 2));
  EXPECT_NE(open(experiment, settings, folder + "/a.gif", 2)->batch(7, 8), examples->batch(7, 8));
}

// Nets that make 28, 32, 36 ... frames.
TEST_F(ExamplesTest, short_clips) {
  std::vector<GifFrame> frames;
  for (int t = 0; t < 30; ++t) {
    frames.push_back({0, 0, 8, 8, std::vector<uint8_t>(64, uint8_t(t)), 1, -1, 2});
    frames.back().indices[0] = 100;
  }
  const auto clip = [&](int64_t count) {
    write_text(folder + "/a.gif", make_gif(8, 8, {frames.begin(), frames.begin() + count}));
  };
  settings = find_experiment("dynamic-texture").settings("quick");
  settings.size = 8;
  settings.frames = 64;
  const std::string has = folder + "/a.gif has ",
                    or_longer = ", or --set short=mirror or short=loop, to play it back and forth or again";
  clip(30);
  EXPECT_EQ(refusal("dynamic-texture", settings, folder),
            has +
                "30 frames, but 64 are needed: give a longer clip, or --set frames=28, the most of these that the nets "
                "take" +
                or_longer);
  clip(28);
  EXPECT_EQ(refusal("dynamic-texture", settings, folder),
            has + "28 frames, but 64 are needed: give a longer clip, or --set frames=28" + or_longer);
  clip(27);
  EXPECT_EQ(
      refusal("dynamic-texture", settings, folder),
      has + "27 frames, but 64 are needed: give a longer clip (the nets take 28 frames at the least)" + or_longer);
  settings.frames = 60;
  for (const char *how : {"loop", "mirror"}) {
    settings.short_clips = how;
    const auto longer = open(find_experiment("dynamic-texture"), settings, folder);
    EXPECT_EQ(longer->range(0, 1),
              to_reals(lengthened(read_clip(folder + "/a.gif", 60, 8, 8), 60, parse_short(how)), Stretch::frame));
    EXPECT_EQ(longer->milliseconds(), 20);
  }
  clip(1);
  EXPECT_EQ(refusal("dynamic-texture", settings, folder), has + "1 frame, but 60 are needed: give a longer clip")
      << "nothing moves in it, whatever short is";
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
