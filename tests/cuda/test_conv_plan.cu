// What the planner of matrix products chooses (cuda/conv_plan.cu), for chips that need not be there.
#include <gtest/gtest.h>

#include "cuda/conv_math.h"
#include "cuda/conv_problem.h"

namespace coopnets {
namespace {

const Gpu h100{132, 227 << 10, 228 << 10, Precision::tf32}, rtx4090{128, 99 << 10, 100 << 10, Precision::tf32},
    small_chip{10, 40 << 10, 64 << 10, Precision::fp32};

// x and y have so many rows and columns, square; stride 1 unless x is larger.
ConvProblem problem(int examples, int in, int in_channels, int kernel, int out, int out_channels) {
  const ConvAxis axis{kernel, out == 1 ? 1 : in / out, 0, in, out};
  ConvProblem p{};
  p.t = {1, 1, 0, 1, 1};
  p.h = p.w = axis;
  p.examples = examples;
  p.in_channels = in_channels;
  p.out_channels = out_channels;
  p.splits = 1;
  p.result_elements = int64_t{examples} * out * out * out_channels;
  return p;
}

int64_t blocks(const ConvProblem &p, const GemmPlan &plan) {
  const int rows[] = {128, 128, 128, 64}, columns[] = {128, 64, 32, 64};
  const Phase<Product::forward> phase(p, 0);
  return int64_t{ceil_div(phase.rows, rows[int(plan.tile)])} * ceil_div(phase.columns, columns[int(plan.tile)]) *
         plan.splits;
}

// The second layer of the scene descriptor: 288 large tiles, of which 264 find a place at a time.
TEST(ConvPlan, NoSecondTurnIsNearlyEmpty) {
  const ConvProblem p = problem(144, 32, 64, 3, 16, 128);
  const GemmPlan plan = plan_gemm<Product::forward>(h100, p);
  const int at_a_time[] = {2, 3, 4, 4};
  const double turns = double(blocks(p, plan)) / (h100.processors * at_a_time[int(plan.tile)]);
  EXPECT_GT(turns / std::ceil(turns), 0.7) << int(plan.tile) << ", " << plan.splits;
}

TEST(ConvPlan, TilesFitTheColumns) {
  for (Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    Gpu gpu = h100;
    gpu.precision = precision;
    EXPECT_EQ(plan_gemm<Product::forward>(gpu, problem(64, 64, 64, 3, 64, 32)).tile, Tile::narrow);
    if (precision != Precision::fp32) {  // whose threads have as much to do in the medium tile
      EXPECT_EQ(plan_gemm<Product::forward>(gpu, problem(64, 64, 64, 3, 64, 64)).tile, Tile::tall);
    }
    EXPECT_EQ(plan_gemm<Product::forward>(gpu, problem(64, 64, 64, 3, 64, 256)).tile, Tile::large);
    EXPECT_EQ(plan_gemm<Product::forward>(gpu, problem(64, 64, 63, 3, 64, 63)).tile, Tile::medium);  // single floats
  }
}

TEST(ConvPlan, FewTilesAreCutToFillTheGpuAndLongSumsToBeExact) {
  const ConvProblem few = problem(1, 16, 256, 3, 16, 256), long_sum = problem(4096, 8, 1024, 3, 8, 64);
  EXPECT_GE(blocks(few, plan_gemm<Product::forward>(h100, few)), h100.processors);
  EXPECT_GE(plan_gemm<Product::forward>(h100, long_sum).splits, 2);  // of 9216 terms
  EXPECT_EQ(plan_gemm<Product::forward>(h100, problem(4096, 8, 256, 3, 8, 64)).splits, 1);
  const ConvProblem huge = problem(1 << 14, 16, 1024, 3, 16, 64);  // of which no two results fit the scratch memory
  EXPECT_EQ(plan_gemm<Product::forward>(h100, huge).splits, 1);
}

TEST(ConvPlan, SharedMemoryDecidesOnStagesAndTheLargeTile) {
  const ConvProblem p = problem(64, 64, 64, 3, 64, 256);
  EXPECT_EQ(plan_gemm<Product::forward>(h100, p).stages, 3);
  const GemmPlan plan = plan_gemm<Product::forward>(rtx4090, p);
  EXPECT_EQ(plan.stages, 2);
  EXPECT_EQ(plan.tile, Tile::large);  // two blocks of which fit by two stages
  EXPECT_LE(2 * (shared_bytes<LargeTile>(2) + 1024), 100 << 10);
  EXPECT_GT(2 * (shared_bytes<LargeTile>(3) + 1024), 100 << 10);
  EXPECT_GT(plan.carveout, 80);
  EXPECT_LE(plan.carveout, 100);
  EXPECT_LT(plan_gemm<Product::forward>(h100, p).carveout, 65);  // the rest is cache
  EXPECT_NE(plan_gemm<Product::forward>(small_chip, p).tile, Tile::large);
}

TEST(ConvPlan, TheOneTileThatIsAskedForIsTakenWhereItMayBe) {
  Gpu gpu = h100;
  for (Tile tile : {Tile::large, Tile::tall, Tile::narrow, Tile::medium}) {
    gpu.only = tile;
    EXPECT_EQ(plan_gemm<Product::forward>(gpu, problem(64, 64, 64, 3, 64, 256)).tile, tile);
    EXPECT_EQ(plan_gemm<Product::forward>(gpu, problem(64, 64, 63, 3, 64, 63)).tile, Tile::medium);
  }
}

}  // namespace
}  // namespace coopnets
