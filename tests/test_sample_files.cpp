#include "app/sample_files.h"

#include "app/lettering.h"
#include "app/point_plot.h"
#include "data/image.h"
#include "files.h"

namespace coopnets {
namespace {

class SampleFilesTest : public FolderTest {
 protected:
  Image sheet() const { return load_image(folder + "/generator.png"); }
  std::set<std::string> older;
};

TEST_F(SampleFilesTest, a_sheet_shows_the_first_hundred) {
  older = {folder + "/generator.png", folder + "/generator.npy", folder + "/other.png"};
  SampleFiles written(folder, "generator", {1, 1, 2, 2, 1}, 104, true, older);
  for (int64_t k = 0; k < 104; k += 8) written.add(std::vector<real>(8 * 4, k < 100 ? 1 : -1));
  EXPECT_EQ(written.on_sheet(), 100);
  written.finish_array();
  EXPECT_EQ(older, (std::set<std::string>{folder + "/generator.png", folder + "/other.png"}));
  written.write_sheet(7);
  EXPECT_EQ(older, std::set<std::string>{folder + "/other.png"});
  const Image small = grid(std::vector<Image>(100, Image(2, 2, 1, 255)));  // 38x38
  EXPECT_EQ(sheet(), labelled(resize(small, 14 * 38, 14 * 38, Resize::nearest), "generator, iteration 7"));
  EXPECT_EQ(written.names(), "generator.npy");
}

TEST_F(SampleFilesTest, a_sheet_of_large_ones_shows_fewer) {
  SampleFiles written(folder, "generator", {1, 1, 2048, 2048, 1}, 3, true, older);
  for (int k = 0; k < 3; ++k) written.add(std::vector<real>(2048 * 2048, real(k - 1)));
  EXPECT_EQ(written.on_sheet(), 2);
  written.write_sheet(7);
  EXPECT_EQ(sheet(), labelled(grid({Image(2048, 2048, 1, 0), Image(2048, 2048, 1, 128)}), "generator, iteration 7"));
  EXPECT_EQ(SampleFiles(folder, "x", {1, 1, 4096, 4096, 3}, 3, true, older).on_sheet(), 1);
  EXPECT_EQ(SampleFiles(folder, "x", {1, 64, 256, 256, 3}, 3, true, older).on_sheet(), 2);
}

TEST_F(SampleFilesTest, a_sheet_of_small_ones_is_enlarged_whatever_their_number_and_kind) {
  for (const auto &[shape, height, width] :
       {std::tuple<Shape, int, int>{{1, 1, 2, 3, 1}, 342, 513}, {{1, 1, 100, 70, 3}, 600, 420}}) {
    SampleFiles written(folder, "generator", shape, 1, true, older);
    written.add(std::vector<real>(size_t(shape.size()), 1));
    written.write_sheet(7);
    EXPECT_EQ(sheet(), labelled(Image(height, width, shape.c, 255), "generator, iteration 7")) << shape.str();
  }
  SampleFiles clips(folder, "generator", {1, 2, 4, 4, 1}, 2, true, older);
  clips.add(std::vector<real>(64, 1));
  clips.write_sheet(7);  // side by side, 10 pixels wide: of an animated PNG, the first frame
  EXPECT_EQ(sheet(), labelled(Image(208, 520, 1, 255), "generator, iteration 7"));
}

TEST_F(SampleFilesTest, points_are_one_plot) {
  older = {folder + "/generator.png", folder + "/generator_000000.png"};
  SampleFiles written(folder, "generator", {1, 1, 1, 1, 2}, 300, false, older);
  const std::vector<real> one = {real(0.5), real(-0.5)};
  for (int k = 0; k < 300; ++k) written.add(one);
  written.write_sheet(7);
  EXPECT_EQ(older, std::set<std::string>{folder + "/generator_000000.png"});  // for the caller to remove
  EXPECT_EQ(written.on_sheet(), 300);
  EXPECT_EQ(written.names(), "generator.png");
  std::vector<real> all;
  for (int k = 0; k < 300; ++k) all.insert(all.end(), one.begin(), one.end());
  EXPECT_EQ(sheet(), labelled(plot_points(all), "generator, iteration 7"));
}

TEST_F(SampleFilesTest, a_file_each) {
  SampleFiles written(folder, "descriptor", {1, 1, 2, 2, 1}, 2, false, older);
  written.add({0, 0, 0, 0, 1, 1, 1, 1});
  EXPECT_EQ(written.names(), "descriptor_000000.png to descriptor_000001.png");
  EXPECT_EQ(load_image(folder + "/descriptor_000001.png"), Image(2, 2, 1, 255));
  EXPECT_EQ(SampleFiles(folder, "x", {1, 1, 2, 2, 1}, 1, false, older).names(), "x_000000.png");
}

}  // namespace
}  // namespace coopnets
