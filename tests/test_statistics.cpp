#include "app/statistics.h"

#include <cmath>

#include "data/npz_files.h"
#include "data/picture_files.h"
#include "files.h"

namespace coopnets {
namespace {

class StatisticsTest : public FolderTest {
 protected:
  std::string refusal(const std::vector<uint8_t> &npz, int64_t dimension = 2) const {
    write_bytes(path, npz);
    return error_of([&] { load_statistics(path, dimension); });
  }
  std::string refusal(const std::vector<double> &mean, const std::vector<double> &covariance) const {
    const int64_t d = int64_t(mean.size());
    return refusal(npz_of({mean, Matrix(d, d, covariance)}));
  }
  const std::string path = folder + "/some.npz";
};

// The files are of NumPy 1.24: savez of float64, sigma in Fortran order; savez_compressed of a mean in float32.
TEST_F(StatisticsTest, files_of_numpy_are_read) {
  for (const char *file : {"tests/data/numpy_savez.npz", "tests/data/numpy_savez_compressed.npz"}) {
    const Gaussian g = load_statistics(file, 2);
    EXPECT_EQ(g.mean, (std::vector<double>{0.5, -2})) << file;
    EXPECT_EQ(g.covariance.values, (std::vector<double>{2, 0.25, 0.25, 1})) << file;
  }
}

TEST_F(StatisticsTest, what_was_written_is_read) {
  Gaussian g{{1, 2, 3}, Matrix(3, 3, {4, 1, 0.5, 1, 2, -1, 0.5, -1, 3})};
  write_bytes(path, npz_of(g));
  const Gaussian same = load_statistics(path, 3);
  EXPECT_EQ(same.mean, g.mean);
  EXPECT_EQ(same.covariance.values, g.covariance.values);
  EXPECT_NEAR(frechet_distance(same, g), 0, 1e-12);
  // Rounding of float32 is evened out.
  g.covariance(0, 1) = 1.00001;
  write_bytes(path, npz_of(g));
  EXPECT_NEAR(load_statistics(path, 3).covariance(0, 1), 1.000005, 1e-12);
  EXPECT_EQ(load_statistics(path, 3).covariance(0, 1), load_statistics(path, 3).covariance(1, 0));
}

TEST_F(StatisticsTest, what_is_of_another_net_or_no_covariance_is_refused) {
  EXPECT_EQ(refusal(npz_of({{0, 0, 0}, Matrix(3, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1})})),
            path + " is of another net than that of --features: its mean has 3 numbers, and the features are 2");
  const std::string bad = "the sigma of " + path + " is no covariance: ";
  EXPECT_EQ(refusal({0, 0}, {1, 0.5, 0.4, 1}), bad + "its elements (1, 0) and (0, 1) differ");
  EXPECT_EQ(refusal({0, 0}, {1, 1.5, 1.5, 1}), bad + "its element (1, 0) is larger than the variances allow");
  EXPECT_EQ(refusal({0, 0}, {1, 0, 0, -1}), bad + "the variance (1, 1) is negative");
  EXPECT_EQ(refusal({0, 0}, {1, 0, NAN, 1}), bad + "its element (1, 0) is not a finite number");
  EXPECT_EQ(refusal({0, 0}, {INFINITY, 0, 0, 1}), bad + "its element (0, 0) is not a finite number");
  EXPECT_CONTAINS(refusal({NAN, 0}, {1, 0, 0, 1}), "the mu of " + path + " holds a value that is not a finite number");
}

TEST_F(StatisticsTest, what_holds_no_statistics_is_refused) {
  const std::vector<uint8_t> mean = npy_of("(2,)", {0, 0}), covariance = npy_of("(2, 2)", {1, 0, 0, 1});
  EXPECT_CONTAINS(error_of([&] { load_statistics(folder + "/none.npz", 2); }), folder + "/none.npz");
  EXPECT_CONTAINS(
      refusal(zip_of({{"mu.npy", mean}})),
      path + " holds no sigma.npy: statistics are an .npz file with arrays mu (mean) and sigma (covariance)");
  EXPECT_CONTAINS(refusal(zip_of({{"sigma.npy", covariance}})), "holds no mu.npy");
  EXPECT_CONTAINS(refusal(zip_of({{"mu.npy", covariance}, {"sigma.npy", covariance}})),
                  "the mu of " + path + " is no vector: it has 2 x 2 numbers");
  EXPECT_EQ(refusal(zip_of({{"mu.npy", mean}, {"sigma.npy", npy_of("(4,)", {1, 0, 0, 1})}})),
            "the sigma of " + path + " has 4 numbers, not 2 x 2 numbers");
  EXPECT_CONTAINS(refusal(zip_of({{"mu.npy", mean}, {"sigma.npy", npy_of("(4, 1)", {1, 0, 0, 1})}})),
                  "4 x 1 numbers, not 2 x 2");
  EXPECT_CONTAINS(refusal(zip_of({{"mu.npy", npy_of("()", {1})}, {"sigma.npy", covariance}})), "it has one number");
  // Larger than two by two can be: it is not even unpacked.
  EXPECT_CONTAINS(refusal(zip_of({{"mu.npy", mean}, {"sigma.npy", std::vector<uint8_t>(70000)}})),
                  "it would grow to 70000 bytes");
  EXPECT_CONTAINS(refusal(zip_of({{"mu.npy", {1, 2, 3}}, {"sigma.npy", covariance}})),
                  "cannot read mu.npy of " + path + ": it is no array of NumPy's");
}

}  // namespace
}  // namespace coopnets
