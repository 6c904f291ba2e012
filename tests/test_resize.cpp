// Resizing as the published codes do it, by hand.
#include <gtest/gtest.h>

#include <stdexcept>

#include "data/image.h"
#include "data/picture_files.h"

namespace coopnets {
namespace {

std::vector<int> resized(const std::vector<uint8_t> &row, int64_t size, Resize how) {
  Image image(1, int64_t(row.size()), 1);
  image.pixels = row;
  const Image across = resize(image, 1, size, how), down = resize(transposed(image), size, 1, how);
  EXPECT_TRUE(across == transposed(down));  // both axes alike
  return {across.pixels.begin(), across.pixels.end()};
}
using Row = std::vector<int>;

// floor((i + 1/2) N/n).
TEST(Resize, NearestTakesThePixelUnderTheCentre) {
  EXPECT_EQ(resized({10, 20, 30, 40, 50}, 2, Resize::nearest), (Row{20, 40}));              // 1.25, 3.75
  EXPECT_EQ(resized({10, 20, 30, 40}, 2, Resize::nearest), (Row{20, 40}));                  // 1, 3
  EXPECT_EQ(resized({10, 20, 30, 40, 50, 60, 70}, 3, Resize::nearest), (Row{20, 40, 60}));  // 1.17, 3.5, 5.83
  EXPECT_EQ(resized({10, 20}, 3, Resize::nearest), (Row{10, 20, 20}));                      // 0.33, 1, 1.67
  EXPECT_EQ(resized({10, 20}, 5, Resize::nearest), (Row{10, 10, 20, 20, 20}));              // 0.2, 0.6, 1, 1.4, 1.8
  EXPECT_EQ(resized({10, 20, 30}, 1, Resize::nearest), (Row{20}));                          // 1.5
}

// u = (i + 1/2) N/n - 1/2 between two centres.
TEST(Resize, BilinearLooksAtTwoPixelsHoweverSmallThePictureGets) {
  EXPECT_EQ(resized({10, 20, 30, 40}, 2, Resize::bilinear), (Row{15, 35}));      // 0.5, 2.5
  EXPECT_EQ(resized({0, 100, 7, 40, 200}, 2, Resize::bilinear), (Row{75, 80}));  // 0.75: 75; 3.25: 30 + 50
  // Six to one: u = 2.5, of the outer four nothing is seen.
  EXPECT_EQ(resized({255, 255, 10, 30, 255, 255}, 1, Resize::bilinear), (Row{20}));
  EXPECT_EQ(resized({255, 255, 10, 30, 255, 255}, 1, Resize::average), (Row{177}));  // 1060 / 6 = 176.67
  // 9 to 3 is every third pixel: u = 1, 4, 7.
  EXPECT_EQ(resized({1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, Resize::bilinear), (Row{2, 5, 8}));
  EXPECT_EQ(resized({100, 200}, 4, Resize::bilinear), (Row{100, 125, 175, 200}));  // -0.25 (edge), 0.25, 0.75, 1.25
  EXPECT_EQ(resized({100, 200}, 4, Resize::average), (Row{100, 125, 175, 200}));
}

// Growing 2 to 4: u = -1/4, 1/4, ...; k(1/4) = .8671875, k(3/4) = .2265625, k(5/4) = -.0703125, k(7/4) = -.0234375.
// With the edges mirrored, of (a, b): 1.09375 a - .09375 b, then .796875 a + .203125 b, then the same of (b, a).
TEST(Resize, BicubicGrowsByKeysKernelWithMirroredEdges) {
  EXPECT_EQ(resized({100, 200}, 4, Resize::bicubic), (Row{91, 120, 180, 209}));  // 90.625, 120.3125, 179.6875, 209.375
  EXPECT_EQ(resized({0, 255}, 4, Resize::bicubic), (Row{0, 52, 203, 255}));      // -23.9, 51.797, 203.203, 278.9
  // 4 to 8 inside, where nothing is mirrored: u = 1.25 is -.0703125, .8671875, .2265625, -.0234375 of the four.
  EXPECT_EQ(resized({40, 80, 200, 120}, 8, Resize::bicubic)[3], 109);  // -2.8125 + 69.375 + 45.3125 - 2.8125 = 109.06
}

// Shrinking 4 to 2: the kernel is twice as wide and half as high. u = 1/2 sees inputs -3 to 4 at distances 7/4, 5/4, 3/4,
// 1/4, ... of it; mirrored: .546875, .3984375, .1015625, -.046875.
TEST(Resize, BicubicShrinksByAWiderKernel) {
  EXPECT_EQ(resized({100, 0, 0, 0}, 2, Resize::bicubic), (Row{55, 0}));        // 54.69, -4.69
  EXPECT_EQ(resized({0, 100, 0, 0}, 2, Resize::bicubic), (Row{40, 10}));       // 39.84, 10.16
  EXPECT_EQ(resized({40, 80, 200, 240}, 2, Resize::bicubic), (Row{63, 217}));  // 21.875 + 31.875 + 20.3125 - 11.25
  EXPECT_EQ(resized({90, 90, 90}, 1, Resize::bicubic), (Row{90}));
  EXPECT_EQ(resized({7, 7, 7, 7, 7, 7, 7}, 3, Resize::bicubic), (Row{7, 7, 7}));
}

TEST(Resize, BothAxesAndColours) {
  Image image(2, 4, 3);
  for (int64_t y = 0; y < 2; ++y)
    for (int64_t x = 0; x < 4; ++x)
      for (int64_t c = 0; c < 3; ++c) image.at(y, x)[c] = uint8_t(100 * c + 10 * x + 4 * y);
  const Image nearest = resize(image, 1, 2, Resize::nearest), bilinear = resize(image, 1, 2, Resize::bilinear);
  const Image bicubic = resize(image, 1, 2, Resize::bicubic);
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_EQ(nearest.at(0, 0)[c], 100 * c + 14);  // row 1, columns 1 and 3
    EXPECT_EQ(nearest.at(0, 1)[c], 100 * c + 34);
    EXPECT_EQ(bilinear.at(0, 0)[c], 100 * c + 7);  // means of rows 0, 1 and of columns 0, 1 and 2, 3
    EXPECT_EQ(bilinear.at(0, 1)[c], 100 * c + 27);
    // .3984375 10 + .1015625 20 - .046875 30 = 4.609, and of two rows their mean, 2: 6.61
    EXPECT_EQ(bicubic.at(0, 0)[c], 100 * c + 7);
    EXPECT_EQ(bicubic.at(0, 1)[c], 100 * c + 27);  // 25.39 + 2
  }
  for (const Resize how : {Resize::average, Resize::nearest, Resize::bilinear, Resize::bicubic})
    EXPECT_TRUE(resize(image, 2, 4, how) == image);
  // fit() crops as ever and resizes as told.
  const Image wide = smooth(6, 10, 1);
  EXPECT_TRUE(fit(wide, 2, 2, {}, Resize::nearest) == resize(crop_centre(wide, 6, 6), 2, 2, Resize::nearest));
  EXPECT_TRUE(fit(wide, 2, 2, {Crop::none, 0}, Resize::bicubic) == resize(wide, 2, 2, Resize::bicubic));
  EXPECT_TRUE(fit(wide, 2, 2, {Crop::side, 4}, Resize::bilinear) ==
              resize(crop_centre(wide, 4, 4), 2, 2, Resize::bilinear));
}

TEST(Resize, Names) {
  EXPECT_EQ(parse_resize("average"), Resize::average);
  EXPECT_EQ(parse_resize("nearest"), Resize::nearest);
  EXPECT_EQ(parse_resize("bilinear"), Resize::bilinear);
  EXPECT_EQ(parse_resize("bicubic"), Resize::bicubic);
  EXPECT_THROW(parse_resize("cubic"), std::runtime_error);
}

}  // namespace
}  // namespace coopnets
