#include "app/npy.h"

#include <cstring>
#include <filesystem>

#include "data/npz_files.h"
#include "files.h"

namespace coopnets {
namespace {

class Npy : public FolderTest {
 protected:
  std::string header_of(const Shape &shape) const {
    NpyFile file(path, shape);
    file.add(std::vector<real>(shape.size(), 1));
    file.commit();
    const std::string bytes = read_file(path);
    return bytes.substr(0, bytes.size() - shape.size() * sizeof(float));
  }
  const std::string path = folder + "/array.npy";
};

// By hand from numpy.lib.format: 10 bytes, then a dictionary padded to a multiple of 64 that ends by a newline.
TEST_F(Npy, the_bytes_of_a_small_array) {
  NpyFile file(path, {2, 1, 1, 2, 1});
  file.add({1, -2});
  file.add({0.5});
  file.add({3});
  EXPECT_FALSE(std::filesystem::exists(path));
  file.commit();
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 2, 1), }";
  expected += std::string(128 - 1 - expected.size(), ' ') + '\n';
  const float values[4] = {1, -2, 0.5, 3};
  expected.append(reinterpret_cast<const char *>(values), sizeof values);
  EXPECT_EQ(read_file(path), expected);
}

TEST_F(Npy, pictures_have_four_axes_and_videos_five) {
  EXPECT_CONTAINS(header_of({5, 1, 28, 29, 3}), "'shape': (5, 28, 29, 3), ");
  EXPECT_CONTAINS(header_of({5, 4, 28, 29, 3}), "'shape': (5, 4, 28, 29, 3), ");
  for (int64_t n = 1; n < 2'000'000; n *= 10) {  // whatever the length of the text
    const std::string header = header_of({n, 1, 1, 1, 1});
    EXPECT_EQ(header.size() % 64, 0u);
    EXPECT_EQ(size_t(uint8_t(header[8])) + 256 * uint8_t(header[9]) + 10, header.size());
  }
}

TEST_F(Npy, an_array_is_written_whole_or_not_at_all) {
  {
    NpyFile file(path, {2, 1, 1, 1, 1});
    file.add({1});
    EXPECT_THROW(file.commit(), std::logic_error);
    file.add({1, 2});
    EXPECT_THROW(file.commit(), std::logic_error);
  }
  EXPECT_EQ(files(), 0u);
}

// --- Reading -------------------------------------------------------------------------------------------------------

NpyArray read(const std::string &header, const std::vector<double> &values, int version = 1) {
  return parse_npy(npy_of(header, values.data(), values.size() * sizeof(double), version), "x");
}
std::string refusal(const std::string &header, size_t bytes = 16) {
  const std::vector<double> zeros(bytes / 8 + 1);
  return error_of([&] { parse_npy(npy_of(header, zeros.data(), bytes), "x"); });
}

TEST(NpyReader, versions_types_and_orders) {
  const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }          \n";
  for (const int version : {1, 2, 3}) {
    const NpyArray array = read(header, {1, 2, 3, 4, 5, 6}, version);
    EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(array.values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
  }
  // In Fortran's order the first axis is the innermost.
  EXPECT_EQ(read("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3)}", {1, 2, 3, 4, 5, 6}).values,
            (std::vector<double>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(read("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 1, 2)}", {1, 2, 3, 4}).values,
            (std::vector<double>{1, 3, 2, 4}));
  EXPECT_EQ(read("{\"shape\":(3,),\"fortran_order\":True,\"descr\":\"<f8\"}", {7, 8, 9}).values,
            (std::vector<double>{7, 8, 9}));
  EXPECT_EQ(read("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", {5}).values, std::vector<double>{5});
  EXPECT_EQ(read("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3)}", {}).values, std::vector<double>());
  const float singles[3] = {0.5, -1, 3};
  EXPECT_EQ(parse_npy(npy_of("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", singles, 12), "x").values,
            (std::vector<double>{0.5, -1, 3}));
}

TEST(NpyReader, anything_else_is_refused) {
  const auto shape = [](const std::string &text) {
    return "{'descr': '<f8', 'fortran_order': False, 'shape': " + text + ", }";
  };
  EXPECT_EQ(refusal(shape("(3,)")), "cannot read x: its shape does not fit its 16 bytes of data");
  EXPECT_CONTAINS(refusal(shape("(1,)")), "does not fit");
  EXPECT_CONTAINS(refusal(shape("(2,)"), 15), "does not fit");
  EXPECT_CONTAINS(refusal(shape("(2,)"), 17), "does not fit");
  for (const char *huge : {"(4294967296, 4294967296)", "(9223372036854775807, 2)", "(2, 9223372036854775807, 9)"})
    EXPECT_CONTAINS(refusal(shape(huge)), "does not fit");
  for (const char *bad : {"(-2,)", "(-1, -2)", "2", "[2]", "(2", "(2,,)", "(2.0,)", "(1 2)", "(99999999999999999999,)",
                          "('2',)", "(2,), 'shape': (2,)"})
    EXPECT_CONTAINS(refusal(shape(bad)), "its header is not one of an array of numbers");
  for (const char *bad :
       {"", "{}", "{", "{'descr'", "{'descr':", "{'descr': ", "{'descr': '<f8", "{'descr': '<f8', ",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,)}", "{'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f8', 'shape': (2,)}", "{'descr': '<f8', 'fortran_order': False}"})
    EXPECT_CONTAINS(refusal(bad), "its header is not one of an array of numbers") << bad;
  for (const char *type : {"|O", "<i8", ">f8", "<c16", "<f2"})
    EXPECT_EQ(refusal("{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (2,)}"),
              "cannot read x: it holds '" + std::string(type) + "', not '<f8' or '<f4' (float64 or float32)");
  EXPECT_CONTAINS(refusal("{'descr': '<f8', 'fortran_order': Maybe, 'shape': (2,)}"), "its fortran_order is 'Maybe'");
  std::string axes = "(2, ";
  for (int i = 1; i < 64; ++i) axes += "1,";
  EXPECT_EQ(parse_npy(npy_of(axes + ")", {1, 2}), "x").shape.size(), 64u);
  EXPECT_CONTAINS(refusal(shape(axes + "1)")), "its header is not one of an array of numbers");

  const std::vector<uint8_t> whole = npy_of("(2,)", {1, 2});
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_CONTAINS(error_of([&] {
                      parse_npy({whole.begin(), whole.begin() + int64_t(length)}, "x");
                    }),
                    "cannot read x: ");
  std::vector<uint8_t> other = whole;
  other[6] = 4;
  EXPECT_CONTAINS(error_of([&] { parse_npy(other, "x"); }), "its format, version 4, is unknown");
  other[6] = 2;  // whose header has four bytes of length: far more than there are
  EXPECT_CONTAINS(error_of([&] { parse_npy(other, "x"); }), "it ends early");
  other[1] = 'n';
  EXPECT_CONTAINS(error_of([&] { parse_npy(other, "x"); }), "it is no array of NumPy's");
}

}  // namespace
}  // namespace coopnets
