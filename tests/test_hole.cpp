// Holes of pictures: what the nets are shown of them, and how what they make is put in.
#include "app/hole.h"

#include <cmath>

#include "data/picture_files.h"
#include "files.h"

namespace coopnets {
namespace {

Mask rectangle(int64_t height, int64_t width, const Rectangle &hidden) {
  Mask mask{height, width, std::vector<uint8_t>(size_t(height * width), 0)};
  for (int64_t y = hidden.top; y < hidden.top + hidden.height; ++y)
    for (int64_t x = hidden.left; x < hidden.left + hidden.width; ++x) mask.hidden[size_t(y * width + x)] = 1;
  return mask;
}

void expect_part(const Rectangle &part, const Rectangle &expected) {
  EXPECT_EQ(part.top, expected.top);
  EXPECT_EQ(part.left, expected.left);
  EXPECT_EQ(part.height, expected.height);
  EXPECT_EQ(part.width, expected.width);
}

TEST(Hole, is_seen_as_in_training_or_with_its_surroundings) {
  const Shape nets = {1, 1, 32, 32, 3};
  const Crop centre, target = {Crop::target, 0}, side = {Crop::side, 300};
  const auto part = [&](const Rectangle &hidden, const Crop &crop) {
    return part_around(rectangle(100, 200, hidden), nets, crop);
  };
  expect_part(part({40, 90, 20, 20}, centre), {0, 50, 100, 100});  // the centred square
  expect_part(part({40, 90, 20, 20}, target), {34, 84, 32, 32});
  expect_part(part({40, 10, 10, 10}, target), {29, 0, 32, 32});  // the nets' own scale, moved inside
  expect_part(part({40, 10, 10, 10}, side), {29, 0, 32, 32});    // no such square in the picture
  expect_part(part({40, 20, 24, 10}, centre), {28, 1, 48, 48});  // twice as high as the hole
  expect_part(part({10, 0, 80, 10}, centre), {0, 0, 100, 100});  // as much as there is
  expect_part(part({10, 10, 80, 180}, centre), {0, 0, 100, 200});
}

TEST(Hole, a_single_pixel_of_a_large_picture_hides_the_one_that_it_falls_into) {
  const Mask small = part_of_mask(rectangle(1280, 1280, {100, 200, 1, 1}), {0, 0, 1280, 1280}, 32, 32);
  EXPECT_EQ(std::count(small.hidden.begin(), small.hidden.end(), 1), 1);
  EXPECT_TRUE(small(2, 5));
}

TEST(Hole, hidden_pixels_reach_no_visible_one) {
  Image picture = noise(64, 64, 3);
  const Mask hole = rectangle(64, 64, {17, 20, 21, 30});
  const Rectangle all = {0, 0, 64, 64};
  const Mask small = part_of_mask(hole, all, 32, 32);
  EXPECT_EQ(std::count(small.hidden.begin(), small.hidden.end(), 1), 11 * 15);  // rows 8 to 18, columns 10 to 24
  EXPECT_TRUE(small(8, 10) && small(18, 24));
  EXPECT_FALSE(small(7, 10) || small(19, 24) || small(8, 9));
  for (const Resize how : {Resize::average, Resize::bilinear, Resize::bicubic}) {
    const Image before = part_of_picture(picture, hole, all, 32, 32, how);
    Image other = picture;
    for (int64_t y = 0; y < 64; ++y)
      for (int64_t x = 0; x < 64; ++x)
        if (hole(y, x)) std::fill_n(other.at(y, x), 3, uint8_t(255));
    EXPECT_EQ(part_of_picture(other, hole, all, 32, 32, how), before);
  }
}

TEST(Hole, what_is_blended_keeps_its_gradients_and_leaves_no_seam) {
  const int64_t side = 12;
  const Mask mask = rectangle(side, side, {3, 4, 6, 8});  // up to the picture's edge
  std::vector<real> picture, made;
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x) {
      const double truth = 0.3 * std::sin(double(x)) - 0.2 * std::cos(1.5 * double(y));
      picture.insert(picture.end(), {real(truth), real(truth / 2)});
      made.insert(made.end(), {real(truth - 0.4), real(truth / 2 + 0.25)});  // of another brightness
    }
  std::vector<real> hidden = picture;
  for (size_t i = 0; i < hidden.size(); ++i)
    if (mask.hidden[i / 2]) hidden[i] = 1;
  const std::vector<real> filled = blended(hidden, made, mask);
  for (size_t i = 0; i < filled.size(); ++i) EXPECT_NEAR(filled[i], picture[i], mask.hidden[i / 2] ? 1e-3 : 0);

  // Between differences of 0 at the left and 1 at the right the correction is a line.
  const Mask strip = rectangle(1, 6, {0, 1, 1, 4});
  const std::vector<real> line = blended({0, 0, 0, 0, 0, 1}, std::vector<real>(6, 0), strip);
  for (int64_t x = 0; x < 6; ++x) EXPECT_NEAR(line[size_t(x)], double(x) / 5, 1e-3);
  EXPECT_THROW(blended({0, 0}, {0}, rectangle(1, 2, {0, 0, 1, 1})), std::invalid_argument);
  EXPECT_THROW(blended({0, 0}, {0, 0}, rectangle(1, 2, {0, 0, 1, 2})), std::invalid_argument);
}

TEST(Hole, the_picture_has_what_fills_it_at_its_own_size) {
  const Image picture = noise(30, 40, 3);
  const Mask hole = rectangle(30, 40, {5, 22, 6, 4});
  const Image whole = with_part_filled(picture, hole, {2, 20, 16, 16}, Image(8, 8, 3, 77));
  for (int64_t y = 0; y < 30; ++y)
    for (int64_t x = 0; x < 40; ++x)
      for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(whole.at(y, x)[c], hole(y, x) ? 77 : picture.at(y, x)[c]);
}

}  // namespace
}  // namespace coopnets
