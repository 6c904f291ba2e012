#include "tensor/shape.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace coopnets {
namespace {

TEST(Shape, CountsElements) {
  const Shape s = {2, 3, 4, 5, 6};
  EXPECT_EQ(s.positions(), 120);
  EXPECT_EQ(s.example(), 360);
  EXPECT_EQ(s.size(), 720);
  EXPECT_EQ(s.str(), "2x3x4x5x6");
  EXPECT_EQ(s.with_n(7), (Shape{7, 3, 4, 5, 6}));
  for (const Shape &other : {Shape{1, 3, 4, 5, 6}, {2, 1, 4, 5, 6}, {2, 3, 1, 5, 6}, {2, 3, 4, 1, 6}, {2, 3, 4, 5, 1}})
    EXPECT_NE(s, other);
}

TEST(Shape, RequireSameNamesBothShapes) {
  require_same({1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, "twins");
  try {
    require_same({1, 2, 3, 4, 5}, {1, 2, 3, 4, 6}, "siblings");
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument &error) {
    EXPECT_STREQ(error.what(), "siblings: shapes 1x2x3x4x5 and 1x2x3x4x6 differ");
  }
}

TEST(Axis, CountsOutputs) {
  EXPECT_EQ((Axis{1, 1, 0, 0}).out(5), 5);
  EXPECT_EQ((Axis{3, 1, 0, 0}).out(5), 3);
  EXPECT_EQ((Axis{3, 2, 0, 0}).out(6), 2);      // the last element is not reached
  EXPECT_EQ((Axis{15, 3, 7, 7}).out(224), 75);  // first layer of the texture descriptor
  EXPECT_EQ((Axis{5, 1, 0, 0}).out(5), 1);
  EXPECT_EQ((Axis{4, 2, 1, 0}).out(3), 1);
}

TEST(Axis, RefusesAWindowThatDoesNotFit) {
  EXPECT_THROW((Axis{6, 1, 0, 0}).out(5), std::invalid_argument);
  EXPECT_THROW((Axis{6, 1, 0, 0}).out(0), std::invalid_argument);
  EXPECT_EQ((Axis{6, 1, 1, 0}).out(5), 1);
}

// Size, kernel, stride and what TensorFlow's SAME pads before and after.
TEST(Axis, SamePadsAsTensorFlow) {
  struct Case {
    int64_t size, kernel, stride, before, after;
  };
  for (const Case &c : {Case{28, 4, 2, 1, 1},
                        {7, 4, 2, 1, 2},
                        {64, 5, 2, 1, 2},
                        {16, 3, 2, 0, 1},
                        {15, 3, 2, 1, 1},
                        {16, 3, 1, 1, 1},
                        {16, 4, 1, 1, 2},
                        {5, 1, 2, 0, 0},
                        {6, 1, 2, 0, 0},
                        {1, 5, 1, 2, 2},
                        {1, 5, 2, 2, 2},
                        {2, 5, 3, 1, 2}}) {
    const Axis axis = same(c.size, c.kernel, c.stride);
    EXPECT_EQ(axis, (Axis{c.kernel, c.stride, c.before, c.after})) << c.size << " " << c.kernel << " " << c.stride;
    EXPECT_EQ(axis.out(c.size), (c.size + c.stride - 1) / c.stride);
  }
}

TEST(Window, MapsShapes) {
  const Window window = {{2, 1, 0, 0}, {5, 2, 1, 2}, {3, 3, 0, 0}};
  EXPECT_EQ(window.out({4, 6, 64, 10, 3}, 120), (Shape{4, 5, 32, 3, 120}));
  EXPECT_EQ(window.taps(), 30);
  EXPECT_EQ(filter_shape(window, 3, 120), (Shape{2, 5, 3, 3, 120}));
  EXPECT_THROW(window.out({4, 1, 64, 10, 3}, 120), std::invalid_argument);
  EXPECT_THROW(window.out({4, 6, 64, 2, 3}, 120), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
