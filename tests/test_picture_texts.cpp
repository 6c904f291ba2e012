// What pictures say of their runs, and runs that are repeated from them: app/picture_texts.cpp.
#include "app/picture_texts.h"

#include "data/bytes.h"
#include "program.h"

namespace coopnets {
namespace {

class PictureTexts : public ProgramTest {
 protected:
  std::string text(const std::string &file, const std::string &keyword) const {
    return text_of_png(read_bytes(path(file)), keyword, file).value_or("none");
  }
  const std::string generated = path("samples/iteration_000002_generator.png");
};

TEST_F(PictureTexts, every_picture_of_the_nets_tells_of_its_run) {
  expect_success(train(2));
  expect_success(use({"--sample", "1", "--seed", "7", "--set", "langevin_steps=1"}));
  expect_success(use({"--interpolate"}));
  int pictures = 0;
  for (const auto &[file, bytes] : contents()) {
    if (!has_image_name(file) || file == "observed.png") continue;
    ++pictures;
    EXPECT_EQ(text(file, "Software"), program_version) << file;
    EXPECT_EQ(text(file, "coopnets iteration"), contains(file, "_000001_") ? "1" : "2") << file;
    EXPECT_EQ(text(file, "coopnets data"), "picture.png") << file;
    const std::string config = text(file, "coopnets config");
    for (const char *line : {"exp=texture", "data=picture.png", "preset=quick", "seed=1", "langevin_steps=2"})
      EXPECT_CONTAINS(config, std::string("\n") + line + "\n") << file;
    for (const char *of_the_machine : {"\nout=", "\nname=", "\ndevice=", "\nthreads="})
      EXPECT_FALSE(contains(config, of_the_machine)) << file;
    EXPECT_FALSE(contains(bytes, folder)) << file;
  }
  EXPECT_EQ(pictures, 2 * 2 + 1 + 2 * 2 + 2);  // samples/, evolution.png, sampled/, interpolation/
  EXPECT_EQ(text("sampled/generator_000000.png", "coopnets use"), "seed=7\nlangevin_steps=1\n");
  EXPECT_EQ(text("samples/iteration_000001_generator.png", "coopnets use"), "none");

  // Another run's config.txt beside the checkpoint says nothing of this one.
  std::string config = read_file(path("config.txt"));
  config.replace(config.find("\nsigma="), 7, "\nsigma=1");
  write_atomically(path("config.txt"), config);
  expect_success(use({"--sample", "1"}));
  const std::string alone = text("sampled/generator.png", "coopnets config");
  EXPECT_CONTAINS(alone, "\nseed=1\n");
  EXPECT_FALSE(contains(alone, "\ndata=") || contains(alone, "\npreset="));
  EXPECT_EQ(text("sampled/generator.png", "coopnets data"), "none");
}

TEST_F(PictureTexts, repeat_the_run) {
  expect_success(train(2));
  const Arguments again = {"--config", generated, "--out", folder, "--name", "again", "--threads", "1"};
  EXPECT_EQ(failure_of(again, 2), "coopnets: the picture " + generated +
                                      " comes from a run on 'picture.png', whose folder it does not name: --data PATH "
                                      "says where that is");
  expect_success(again + Arguments{"--data", picture});
  EXPECT_TRUE(checkpoint("again") == checkpoint());
}

TEST_F(PictureTexts, that_are_missing_or_damaged_are_one_sentence) {
  EXPECT_CONTAINS(failure_of({"--config", picture}), "the picture " + picture + " does not tell of a run");
  expect_success(train(2));
  const std::string bytes = read_file(generated, size_t{1} << 26), damaged = folder + "/damaged.png";
  write_atomically(damaged, bytes.substr(0, bytes.size() - 1));
  EXPECT_CONTAINS(failure_of({"--config", damaged}), damaged + ": it ends early");
  std::string other = bytes;
  other[other.find("\nseed=1") + 6] = '2';
  write_atomically(damaged, other);
  EXPECT_CONTAINS(failure_of({"--config", damaged}),
                  damaged + ": its text 'coopnets config' is corrupt (a CRC differs)");
  const Image image = load_image(generated);
  save_with_texts(damaged, encode_png(image), {{"coopnets config", "exp=texture\nsed=4\n"}});
  EXPECT_CONTAINS(failure_of({"--config", damaged}, 2), damaged + ", line 2: there is no option 'sed'");
  save_with_texts(damaged, encode_png(image), {{"coopnets config", std::string(1 << 21, '\n')}});
  EXPECT_CONTAINS(failure_of({"--config", damaged}), "longer than 1 MiB");
}

TEST(PictureTextsOfOptions, name_no_data_that_everyone_has) {
  Options run;
  run.experiment = "texture";
  run.out = run.name = "secret";
  run.data = "datasets/texture/brick.png";  // the default: the tests run in the clone
  const auto find = [&](const std::string &keyword) {
    for (const auto &[name, text] : picture_texts(run, Settings(), 3))
      if (name == keyword) return text;
    return std::string("none");
  };
  EXPECT_EQ(find("coopnets data"), "brick.png");
  EXPECT_FALSE(contains(find("coopnets config"), "data="));
  EXPECT_FALSE(contains(find("coopnets config"), "secret"));
  run.data = "/home/me/cats/";
  EXPECT_EQ(find("coopnets data"), "cats");
  EXPECT_CONTAINS(find("coopnets config"), "\ndata=cats\n");
}

}  // namespace
}  // namespace coopnets
