// Labels above pictures: app/lettering.cpp.
#include "app/lettering.h"

#include <gtest/gtest.h>

namespace coopnets {
namespace {

// The band's dots as text, a row a line, without the margins above and below.
std::string dots(const Image &image, int64_t columns) {
  std::string text;
  for (int64_t row = 2; row < 9; ++row) {
    for (int64_t column = 0; column < columns; ++column) text += *image.at(row, column) < 128 ? '#' : '.';
    text += '\n';
  }
  return text;
}

TEST(Lettering, DrawsAboveThePicture) {
  const Image picture(3, 20, 1, 77), image = labelled(picture, "gE1");
  ASSERT_EQ(image.shape().str(), "1x1x14x20x1");
  EXPECT_EQ(crop(image, 11, 0, 3, 20), picture);
  EXPECT_EQ(dots(image, 20),
            "........#####...#...\n"
            "...####.#......##...\n"
            "..#...#.#.......#...\n"
            "..#...#.####....#...\n"
            "...####.#.......#...\n"
            "......#.#.......#...\n"
            "...###..#####..###..\n");
  for (const int64_t row : {0, 1, 9, 10})
    for (int64_t column = 0; column < 20; ++column) EXPECT_EQ(*image.at(row, column), 255);
}

TEST(Lettering, EveryCharacterIsAnother) {
  std::vector<Image> seen;
  for (int c = 32; c <= 126; ++c) {
    const Image image = labelled(Image(1, 8, 3), std::string(1, char(c)));
    for (const Image &other : seen) EXPECT_FALSE(image == other) << char(c);
    seen.push_back(image);
  }
  const Image unknown = labelled(Image(1, 8, 3), "\xe9"), question = labelled(Image(1, 8, 3), "?");
  EXPECT_EQ(unknown, question);
  EXPECT_EQ(labelled(Image(1, 8, 3), "\n"), question);
}

TEST(Lettering, GrowsWithThePictureAndIsCutWhereItEnds) {
  EXPECT_EQ(label_height(40), 11);
  EXPECT_EQ(label_height(511), 11);
  EXPECT_EQ(label_height(1024), 44);
  const Image small = labelled(Image(1, 300, 1, 9), "observed"), large = labelled(Image(2, 600, 1, 9), "observed");
  EXPECT_EQ(large, resize(small, 24, 600, Resize::nearest));
  EXPECT_EQ(labelled(Image(1, 20, 1), "observed"), labelled(Image(1, 20, 1), "obs"));
  EXPECT_EQ(labelled(Image(5, 3, 1), "observed").shape().str(), "1x1x16x3x1");  // no letter fits
  EXPECT_EQ(labelled(Image(5, 3, 1, 4), ""), Image(5, 3, 1, 4));
}

}  // namespace
}  // namespace coopnets
