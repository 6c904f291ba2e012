#include "app/npy.h"

#include <cstring>
#include <filesystem>

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

}  // namespace
}  // namespace coopnets
