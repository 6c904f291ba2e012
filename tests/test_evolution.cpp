// evolution.png of a run: app/evolution.cpp.
#include "app/evolution.h"

#include "data/bytes.h"
#include "data/picture_files.h"
#include "data/png_chunks.h"
#include "program.h"

namespace coopnets {
namespace {

class Evolution : public ProgramTest {
 protected:
  // The frames that an animated PNG declares; the chunks fcTL must be as many.
  static int64_t frames_of(const std::string &file) {
    int64_t declared = -1, controls = 0;
    visit_png_chunks(read_bytes(file), file, [&](const PngChunk &chunk) {
      EXPECT_TRUE(chunk.intact);
      if (chunk.letters == "acTL") declared = big_endian32(chunk.data);
      controls += chunk.letters == "fcTL";
    });
    EXPECT_EQ(declared, controls);
    return declared;
  }
  // Sheets of one kind in folder/samples, of a grey level each.
  void write_sheet(int64_t iteration, const Image &image, const std::string &kind = "generator") const {
    create_folders(folder + "/samples");
    save_png(folder + "/samples/iteration_" + std::to_string(iteration) + "_" + kind + ".png", image);
  }
  Image first_frame() const { return load_image(folder + "/evolution.png"); }
};

TEST_F(Evolution, of_a_run_shows_every_iteration_that_has_sheets) {
  expect_success(train(3));
  EXPECT_EQ(frames_of(path("evolution.png")), 3);
  const auto sheet = [&](const std::string &kind) {
    return load_image(path("samples/iteration_000001_" + kind + ".png"));
  };
  EXPECT_EQ(load_image(path("evolution.png")), grid({sheet("generator"), sheet("descriptor")}, 2, 8));
  expect_success(train(5) + Arguments{"--resume"});
  EXPECT_EQ(frames_of(path("evolution.png")), 4);  // 1, 2, 3, 5
}

TEST_F(Evolution, that_cannot_be_written_ends_no_run) {
  expect_success(train(1));
  std::filesystem::remove(path("evolution.png"));
  std::filesystem::create_directories(path("evolution.png/in_the_way"));
  const Outcome o = run_program(train(2) + Arguments{"--resume"});
  EXPECT_EQ(o.status, 0);
  EXPECT_CONTAINS(o.err, "no evolution.png: ");
  EXPECT_EQ(SafetensorsFile(path("checkpoint.safetensors")).metadata().at("iteration"), "2");

  write_atomically(path("samples/iteration_000001_generator.png"), "no picture");
  EXPECT_CONTAINS(run_program(train(3) + Arguments{"--resume"}).err,
                  "no evolution.png: cannot read the picture " + path("samples/iteration_000001_generator.png"));
}

TEST_F(Evolution, knows_the_kinds_of_several_levels) {
  for (const char *kind : {"energy-1", "energy-2", "generator"}) write_sheet(1, Image(8, 8, 1, 100), kind);
  EXPECT_EQ(sheets_of(folder).size(), 3u);
  EXPECT_EQ(sheets_of(folder).count("energy-2"), 1u);
}

TEST_F(Evolution, has_no_more_than_sixty_frames_of_512_pixels) {
  save_evolution(folder, {});
  EXPECT_FALSE(std::filesystem::exists(folder + "/evolution.png")) << "there is nothing to show";
  for (int i = 1; i <= 130; ++i) write_sheet(i, Image(2, 3, 1, uint8_t(i)));
  save_evolution(folder, {});
  EXPECT_EQ(frames_of(folder + "/evolution.png"), 60);
  EXPECT_EQ(first_frame(), Image(2, 3, 1, 1));
  write_sheet(131, Image(300, 1100, 1, 9));  // the others get its size
  save_evolution(folder, {});
  EXPECT_EQ(first_frame(), Image(139, 512, 1, 1));
}

TEST_F(Evolution, leaves_out_iterations_that_one_kind_lacks) {
  for (int i : {1, 2, 5}) write_sheet(i, Image(4, 4, 3, uint8_t(i)));
  for (int i : {2, 5, 7}) write_sheet(i, Image(4, 4, 3, uint8_t(10 * i)), "descriptor");
  EXPECT_EQ(common_iterations(sheets_of(folder)), (std::vector<int64_t>{2, 5}));
  save_evolution(folder, {});
  EXPECT_EQ(frames_of(folder + "/evolution.png"), 2);
  EXPECT_EQ(first_frame(), grid({Image(4, 4, 3, 2), Image(4, 4, 3, 20)}, 2, 8));
}

}  // namespace
}  // namespace coopnets
