// Convolutions in every precision, by every kernel that may compute them: by each tile of the matrix product in turn, and
// as planned for two multiprocessors, for one, and for 132, where sums are cut into many parts.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cpu/cpu.h"
#include "cuda/conv_problem.h"
#include "cuda/cuda_backend.h"
#include "numerics/helpers.h"

namespace coopnets {
namespace {

Backend &cpu() {
  static const std::unique_ptr<Backend> backend = make_cpu_backend(2);
  return *backend;
}

constexpr int few_processors = 2, many_processors = 132;

CudaBackend &gpu(Precision precision, int processors = few_processors) {
  static std::unique_ptr<CudaBackend> backends[2][4];
  std::unique_ptr<CudaBackend> &backend = backends[processors == many_processors][int(precision)];
  if (!backend) backend = std::make_unique<CudaBackend>(0, precision, processors);
  return *backend;
}

struct Case {
  const char *name;
  Shape x;
  Window window;
  int64_t cout;
  // The kernels: of the matrix product, what all its tiles share.
  struct Kernels {
    const char *forward, *backward_input, *backward_filter;
  } exact, on_tensor_cores = exact;
  const Kernels &kernels(Precision precision) const {
    return precision == Precision::fp32 || precision == Precision::tf32x3 ? exact : on_tensor_cores;
  }
};
std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

constexpr const char *small = "small", *full = "fully connected", *row_taps = "row taps", *by4 = "4", *by2 = "2",
                     *by1 = "1", *singly = "medium, singly", *row_taps_singly = "row taps, medium";
constexpr std::optional<Tile> tiles[] = {{}, Tile::large, Tile::tall, Tile::narrow, Tile::medium};

// What a kernel is called that computes as `kind` says, with the one tile that may be used.
std::string name_of(const std::string &kind, std::optional<Tile> tile) {
  static const char *const names[] = {"large", "tall", "narrow", "medium"};
  const std::string by = tile ? names[int(*tile)] : "";
  return kind == row_taps ? "row taps, " + by : kind == by4 || kind == by2 || kind == by1 ? by + " " + kind : kind;
}
// clang-format off
const Case cases[] = {
    {"large", {1, 1, 13, 11, 68}, {{1, 1, 0, 0}, {2, 1, 1, 0}, {2, 1, 0, 1}}, 132, {by4, by4, by4}},
    {"large_strided", {1, 1, 23, 20, 68}, {{1, 1, 0, 0}, {3, 2, 1, 1}, {2, 2, 1, 2}}, 72, {by4, by4, by4}},
    {"medium", {3, 3, 7, 6, 20}, {{2, 1, 0, 1}, {3, 2, 1, 0}, {2, 1, 1, 1}}, 36, {by4, by4, by4}},
    {"pairs", {2, 1, 9, 9, 6}, {{1, 1, 0, 0}, {3, 2, 1, 1}, {3, 1, 1, 1}}, 10, {by2, by2, by2}},
    {"large_pairs", {1, 1, 13, 12, 70}, {{1, 1, 0, 0}, {2, 1, 1, 0}, {1, 1, 0, 0}}, 130, {by2, by2, by2}},
    {"odd_channels", {2, 2, 5, 9, 7}, {{2, 1, 0, 1}, {3, 3, 1, 0}, {2, 2, 1, 1}}, 9, {singly, singly, singly}},
    {"few_rows", {5, 1, 4, 4, 24}, {{1, 1, 0, 0}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 140, {by4, by4, by4}},
    {"fully_connected", {70, 1, 4, 4, 36}, {{1, 1, 0, 0}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 100, {full, by4, by4}},
    {"fully_connected_sliding", {3, 5, 6, 6, 10}, {{3, 2, 1, 1}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 60, {full, by4, by4}},
    {"few_outputs", {2, 4, 6, 6, 12}, {{2, 2, 0, 1}, {6, 1, 0, 0}, {6, 1, 0, 0}}, 30, {full, full, full}},
    {"few_outputs_of_many", {200, 1, 4, 4, 16}, {{1, 1, 0, 0}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 28, {full, full, full}},
    {"fully_connected_of_too_many", {520, 1, 4, 4, 16}, {{1, 1, 0, 0}, {4, 1, 0, 0}, {4, 1, 0, 0}}, 28, {by4, by4, by4}},
    {"long_sum", {1, 3, 9, 8, 44}, {{3, 1, 0, 0}, {9, 1, 0, 0}, {7, 1, 0, 0}}, 12, {by4, by4, by4}},
    {"stride_beyond_kernel", {2, 1, 11, 10, 8}, {{1, 1, 0, 0}, {2, 3, 0, 0}, {1, 2, 0, 0}}, 8, {by4, by4, by4}},
    {"chunks_of_channels", {2, 1, 17, 8, 64}, {{2, 1, 1, 0}, {3, 1, 1, 1}, {2, 2, 0, 1}}, 96, {by4, by4, by4}},
    {"wide_pairs", {1, 1, 12, 7, 38}, {{1, 1, 0, 0}, {3, 1, 1, 1}, {2, 1, 1, 1}}, 46, {by2, by2, by2}},
    {"narrow_pairs", {1, 1, 12, 12, 22}, {{1, 1, 0, 0}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 26, {by2, by2, by2}},
    {"narrow", {3, 2, 7, 6, 20}, {{1, 1, 0, 0}, {3, 1, 1, 1}, {2, 1, 1, 0}}, 28, {by4, by4, by4}},
    {"picture", {2, 1, 13, 40, 3}, {{1, 1, 0, 0}, {5, 2, 2, 2}, {5, 2, 2, 1}}, 72, {small, row_taps, small}, {by1, row_taps, by1}},
    {"large_window", {1, 1, 13, 24, 3}, {{1, 1, 0, 0}, {7, 1, 3, 3}, {7, 3, 2, 5}}, 76, {small, row_taps, small}, {by1, row_taps, by1}},
    {"long_rows_of_taps", {1, 2, 9, 30, 3}, {{2, 1, 0, 1}, {3, 3, 1, 1}, {15, 3, 7, 7}}, 40, {small, row_taps, small}, {by1, row_taps, by1}},
    {"few_filters", {1, 1, 18, 18, 3}, {{1, 1, 0, 0}, {5, 1, 2, 2}, {5, 2, 1, 2}}, 16, {small, row_taps, small}, {by1, row_taps, by1}},
    {"taps_apart", {2, 2, 8, 33, 2}, {{1, 2, 0, 0}, {2, 3, 0, 0}, {4, 5, 1, 0}}, 9, {singly, row_taps_singly, singly}},
    {"odd_to_many", {1, 1, 13, 11, 7}, {{1, 1, 0, 0}, {4, 1, 1, 2}, {3, 1, 1, 1}}, 132, {by1, by4, by1}},
    {"odd_to_few", {1, 1, 10, 9, 5}, {{1, 1, 0, 0}, {3, 1, 1, 1}, {3, 1, 1, 1}}, 16, {by1, by4, by1}},
    {"wide_rows_of_taps", {1, 1, 9, 30, 4}, {{1, 1, 0, 0}, {3, 1, 1, 1}, {17, 1, 8, 8}}, 12, {small, row_taps, by4}, {by4, row_taps, by4}},
    {"widest_rows_of_taps", {1, 1, 2, 74, 3}, {{1, 1, 0, 0}, {1, 1, 0, 0}, {64, 1, 0, 0}}, 8, {by1, row_taps, by1}, {by1, row_taps, by1}},
    {"digit", {3, 1, 16, 16, 1}, {{1, 1, 0, 0}, {4, 2, 1, 1}, {4, 2, 1, 1}}, 24, {small, small, small}, {by1, small, by1}},
};
// clang-format on

struct Results {
  std::vector<real> y, dx, dw;
};

// `exact`: small integers, whose products and sums are exact in every precision, and whole epilogues, whose slopes are
// powers of 2. `after` is called after each product.
using Kernel = const char *Case::Kernels::*;
Results run(Backend &backend, const Case &c, bool exact, const std::function<void(Kernel)> &after = {}) {
  const Shape shape_w = filter_shape(c.window, c.x.c, c.cout), shape_y = c.window.out(c.x, c.cout);
  const auto values = [&](int64_t size, unsigned seed) {
    std::vector<real> v = random_values(size, seed);
    if (exact)
      for (real &e : v) e = std::round(std::fmin(std::fmax(e, real(-3)), real(3)));
    return v;
  };
  const Tensor x(backend, c.x, values(c.x.size(), 1)), w(backend, shape_w, values(shape_w.size(), 2)),
      dy(backend, shape_y, values(shape_y.size(), 3)), y(backend, shape_y), dx(backend, c.x), dw(backend, shape_w),
      y_bias(backend, {1, 1, 1, 1, c.cout}, values(c.cout, 4)), x_bias(backend, {1, 1, 1, 1, c.x.c}, values(c.x.c, 5)),
      y_output(backend, shape_y, values(shape_y.size(), 6)), x_output(backend, c.x, values(c.x.size(), 7));
  const Activation half{Activation::leaky_relu, real(0.5)}, quarter{Activation::leaky_relu, real(0.25)};
  const Epilogue of_y{y_bias, half, {y_output, quarter}}, of_x{x_bias, half, {x_output, quarter}};
  backend.conv_forward(x, w, c.window, exact ? of_y : Epilogue{}, y);
  if (after) after(&Case::Kernels::forward);
  backend.conv_backward_input(dy, w, c.window, exact ? of_x : Epilogue{}, dx);
  if (after) after(&Case::Kernels::backward_input);
  backend.conv_backward_filter(x, dy, c.window, dw);
  if (after) after(&Case::Kernels::backward_filter);
  return {y.values(), dx.values(), dw.values()};
}

class CudaConv : public testing::TestWithParam<Case> {};

// Factors that every format holds: whatever the kernel, the tile or the fragment, the results are the CPU's bit for bit.
TEST_P(CudaConv, SmallIntegersAreExactInEveryPrecision) {
  Results wanted = run(cpu(), GetParam(), true);
  for (std::vector<real> *const all :
       {&wanted.y, &wanted.dx, &wanted.dw})  // eighths, which the CPU's Winograd nearly meets
    for (real &one : *all) one = std::round(8 * one) / 8;
  const auto expect = [&](int processors, Precision precision, std::optional<Tile> tile) {
    CudaBackend backend(0, precision, processors);  // whose scratch memory is as large as this case asks, and no larger
    backend.use_only(tile);
    SCOPED_TRACE(backend.info().name + ", planned for " + std::to_string(processors) + " multiprocessors");
    const Results got = run(backend, GetParam(), true, [&](Kernel kernel) {
      const std::string wanted_name = name_of(GetParam().kernels(backend.precision()).*kernel, tile);
      EXPECT_NE(std::string(backend.last_convolution().kernel).find(wanted_name), std::string::npos)
          << backend.last_convolution().kernel << " where it should be " << wanted_name;
    });
    EXPECT_EQ(got.y, wanted.y);
    EXPECT_EQ(got.dx, wanted.dx);
    EXPECT_EQ(got.dw, wanted.dw);
  };
  for (Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16, Precision::tf32x3}) {
    for (std::optional<Tile> tile : tiles) expect(few_processors, precision, tile);
    for (int processors : {1, many_processors}) expect(processors, precision, {});  // for one, few sums are cut
  }
}

// Each factor is off by up to 2^-11 (tf32) or 2^-8 (bf16) of itself, so a product by up to twice that, and the result,
// relative to its norm, by somewhat less. The small kernels and the fully connected ones on the way back stay in fp32.
TEST_P(CudaConv, PrecisionIsThatOfTheFactors) {
  const Results wanted = run(cpu(), GetParam(), false);
  const double bounds[] = {1e-5, 0x1p-10, 0x1p-7};
  for (Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    SCOPED_TRACE(gpu(precision).info().name);
    const Results got = run(gpu(precision), GetParam(), false);
    const Case::Kernels &kernels = GetParam().kernels(gpu(precision).precision());
    const auto expect_rounded = [&](const char *kernel, bool may_be_full, double d) {
      const bool rounds =
          gpu(precision).precision() != Precision::fp32 && kernel != small && (kernel != full || may_be_full);
      const double most = bounds[rounds ? int(precision) : 0];
      EXPECT_LE(d, most) << kernel;
      EXPECT_GE(d, rounds ? most / 16 : 0) << kernel;
    };
    expect_rounded(kernels.forward, true, distance(got.y, wanted.y));
    expect_rounded(kernels.backward_input, false, distance(got.dx, wanted.dx));
    expect_rounded(kernels.backward_filter, false, distance(got.dw, wanted.dw));
  }
}

TEST_P(CudaConv, ResultsRepeatBitForBit) {
  for (int processors : {few_processors, many_processors}) {
    CudaBackend &backend = gpu(Precision::fp32, processors);
    const Results first = run(backend, GetParam(), false), second = run(backend, GetParam(), false);
    EXPECT_EQ(first.y, second.y);
    EXPECT_EQ(first.dx, second.dx);
    EXPECT_EQ(first.dw, second.dw);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaConv, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) { return std::string(info.param.name); });

TEST(CudaConv, TheCasesMeetEveryKernelInEveryProduct) {
  using Names = std::set<std::string>;
  for (bool exact : {true, false}) {
    Names met[3];
    for (const Case &c : cases) {
      const Case::Kernels &k = exact ? c.exact : c.on_tensor_cores;
      met[0].insert(k.forward), met[1].insert(k.backward_input), met[2].insert(k.backward_filter);
    }
    Names wanted = {full, by4, by2, by1, singly};
    if (exact) wanted.insert(small);
    EXPECT_EQ(met[0], wanted);
    EXPECT_EQ(met[2], wanted);
    EXPECT_EQ(met[1], (Names{full, by4, by2, singly, small, row_taps, row_taps_singly}));
  }
}

// Planned for one multiprocessor, which nothing needs to be cut for but that sums end at 8192 terms.
TEST(CudaConv, SumsOfMoreThan8192TermsAreCut) {
  const Axis one;
  const auto taps = [](int64_t n) { return Axis{n, 1, 0, 0}; };
  const Case fully_connected{"", {130, 1, 2, 2, 2052}, {one, taps(2), taps(2)}, 4, {}},
      gemm{"", {1, 1, 5, 130, 516}, {one, taps(4), taps(4)}, 36, {}},
      few_channels{"", {1, 1, 26, 512, 1}, {one, taps(9), taps(5)}, 8, {}};
  CudaBackend backend(0, Precision::fp32, 1);
  const auto expect = [&](const Case &c, Kernel product, const char *kernel, int splits) {
    const Results got = run(backend, c, true, [&](Kernel done) {
      if (done != product) return;
      EXPECT_NE(std::string(backend.last_convolution().kernel).find(kernel), std::string::npos);
      EXPECT_GE(backend.last_convolution().splits, splits);
    });
    const Results wanted = run(cpu(), c, true);
    EXPECT_EQ(got.y, wanted.y);
    EXPECT_EQ(got.dx, wanted.dx);
    EXPECT_EQ(got.dw, wanted.dw);
  };
  expect(fully_connected, &Case::Kernels::forward, full, 2);
  expect(gemm, &Case::Kernels::forward, "4", 2);
  expect(few_channels, &Case::Kernels::backward_filter, small, 2);
}

double error(const std::vector<double> &got, const std::vector<double> &wanted) {
  double squares = 0, all = 0;
  for (size_t i = 0; i < wanted.size(); ++i)
    squares += (got[i] - wanted[i]) * (got[i] - wanted[i]), all += wanted[i] * wanted[i];
  return std::sqrt(squares / all);
}

// Against the product in double, relative to its norm: tf32x3 is as good as fp32, whose sums round as often, and a
// hundred times better than tf32 at least.
TEST(CudaConv, ThreeProductsOfTf32AreAsGoodAsFp32) {
  const int64_t rows = 130, depth = 160, columns = 72;
  const std::vector<real> x = random_values(rows * depth, 1), w = random_values(depth * columns, 2);
  std::vector<double> wanted(size_t(rows * columns));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t c = 0; c < columns; ++c)
        wanted[size_t(r * columns + c)] += double(x[size_t(r * depth + k)]) * double(w[size_t(k * columns + c)]);
  const auto error_of = [&](Precision precision) {
    Backend &backend = gpu(precision);
    const Tensor tx(backend, {1, 1, 10, 13, depth}, x), tw(backend, {1, 1, 1, depth, columns}, w),
        y(backend, {1, 1, 10, 13, columns});
    backend.conv_forward(tx, tw, {}, {}, y);
    const std::vector<real> got = y.values();
    return error({got.begin(), got.end()}, wanted);
  };
  const double fp32 = error_of(Precision::fp32), tf32 = error_of(Precision::tf32), thrice = error_of(Precision::tf32x3);
  EXPECT_LE(fp32, 1e-6);
  EXPECT_LE(thrice, 2e-6);
  if (gpu(Precision::tf32).precision() == Precision::tf32) {
    EXPECT_GE(tf32, 100 * thrice);
  }
  RecordProperty("fp32", std::to_string(fp32 * 1e9));
  RecordProperty("tf32x3", std::to_string(thrice * 1e9));
  RecordProperty("tf32", std::to_string(tf32 * 1e9));
}

// Copies of several floats need addresses that are multiples of as many.
TEST(CudaConv, TensorsMayBeginAnywhere) {
  const Window window{{}, {2, 1, 0, 0}, {2, 1, 0, 0}}, whole{{}, {8, 1, 0, 0}, {4, 1, 0, 0}};
  for (const Window &w : {window, whole})
    for (Precision precision : {Precision::fp32, Precision::tf32}) {
      const Shape x{2, 1, 8, 4, 8}, filters = filter_shape(w, 8, 12), y = w.out(x, 12);
      const auto results = [&](Backend &backend, int64_t offset) {
        std::vector<Tensor> memory;
        const auto view = [&](const Shape &shape, unsigned seed) {
          std::vector<real> v = random_values(offset + shape.size(), seed);
          std::rotate(v.begin(), v.end() - offset, v.end());  // the values themselves do not depend on the offset
          for (real &e : v) e = std::round(e);
          memory.emplace_back(backend, Shape{1, 1, 1, 1, offset + shape.size()}, v);
          return View{shape, View(memory.back()).data + offset};
        };
        const View vx = view(x, 1), vw = view(filters, 2), vdy = view(y, 3), vy = view(y, 4), dx = view(x, 5),
                   dw = view(filters, 6);
        backend.conv_forward(vx, vw, w, {}, vy);
        backend.conv_backward_input(vdy, vw, w, {}, dx);
        backend.conv_backward_filter(vx, vdy, w, dw);
        return std::vector<std::vector<real>>{values(backend, vy), values(backend, dx), values(backend, dw)};
      };
      const auto wanted = results(cpu(), 0);
      for (int64_t offset = 0; offset < 4; ++offset) EXPECT_EQ(results(gpu(precision), offset), wanted) << offset;
    }
}

// Sixteen parts or more of a small result are added by eight threads an element.
TEST(CudaConv, ManyPartsAreAddedInOrder) {
  const Case c{"", {1, 1, 20, 40, 3}, {{1, 1, 0, 0}, {1, 1, 0, 0}, {5, 1, 2, 2}}, 8, {small, small, small}};
  CudaBackend &backend = gpu(Precision::fp32);
  EXPECT_EQ(run(backend, c, true).dw, run(cpu(), c, true).dw);
  EXPECT_GE(backend.last_convolution().splits, 16);
}

}  // namespace
}  // namespace coopnets
