#include "experiments/text.h"

#include <gtest/gtest.h>

namespace coopnets {
namespace {

TEST(Text, edit_distance_counts_insertions_deletions_replacements_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("texture", "texutre"), 1);
  EXPECT_EQ(edit_distance("ca", "abc"), 3);  // the restricted distance; the unrestricted one is 2
  EXPECT_EQ(edit_distance("Digits", "digits"), 0);
  for (const char *a : {"", "a", "ab", "ba", "abc", "cab"})
    for (const char *b : {"", "a", "ab", "ba", "abc", "cab"}) EXPECT_EQ(edit_distance(a, b), edit_distance(b, a));
}

TEST(Text, nearest) {
  const std::vector<std::string> names = {"texture", "object", "scene", "digits", "dynamic-texture"};
  EXPECT_EQ(nearest("textures", names), "texture");
  EXPECT_EQ(nearest("dynamic", names), "dynamic-texture");
  EXPECT_EQ(nearest("obj", names), "object");
  EXPECT_EQ(nearest("digit", names), "digits");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(nearest("", names), "scene");  // the shortest one
}

TEST(Text, what_was_meant_differs_by_a_third_of_its_letters_at_most) {
  EXPECT_EQ(did_you_mean("sed", {"seed", "size"}, "--"), "; did you mean --seed?");
  EXPECT_EQ(did_you_mean("abcdef", {"abxxef"}), "; did you mean abxxef?");  // two of six
  EXPECT_EQ(did_you_mean("abcde", {"abxxe"}), "");                          // two of five
  EXPECT_EQ(did_you_mean("textu", {"texture-scales"}), "; did you mean texture-scales?");
  EXPECT_EQ(did_you_mean("momentum", {"sigma", "size"}), "");
  EXPECT_EQ(did_you_mean("", {"size"}), "");
  EXPECT_EQ(did_you_mean("size", {}), "");
  // A word of a megabyte costs no more than one of 200 letters, of which 60 are far from a third; all of them would take
  // minutes.
  const std::vector<std::string> many(1000, std::string(60, 'a'));
  EXPECT_EQ(did_you_mean(std::string(size_t{1} << 20, 'a'), many), "");
}

TEST(Text, numbers) {
  EXPECT_EQ(parse_number("1e-4"), 1e-4);
  EXPECT_EQ(parse_number("-0.3"), -0.3);
  EXPECT_EQ(parse_integer("-7"), -7);
  for (const char *bad : {"", "inf", "-inf", "nan", "1e999", "1x", " 1", "1 ", "0x1"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
    EXPECT_FALSE(parse_integer(bad)) << bad;
  }
}

TEST(Text, sizes) {
  EXPECT_EQ(parse_size("480x640"), std::make_pair(int64_t{480}, int64_t{640}));
  EXPECT_EQ(parse_size("480"), std::make_pair(int64_t{480}, int64_t{480}));
  for (const char *bad :
       {"", "x", "0", "65537", "480x", "x640", "0x4", "4x0", "-1x4", "4x4x4", "4X4", "65537x1", "1.5x2", "4 x4"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Text, lists_and_blanks) {
  EXPECT_EQ(either({}), "");
  EXPECT_EQ(either({"a"}), "a");
  EXPECT_EQ(either({"a", "b"}), "a or b");
  EXPECT_EQ(either({"a", "b", "c"}), "a, b or c");
  EXPECT_EQ(trim(" \t a b\r"), "a b");
  EXPECT_EQ(trim("  "), "");
}

}  // namespace
}  // namespace coopnets
