// How the implicit matrix product (conv_gemm.h) computes a convolution: by which tile, in how many parts of the sum.
//
// Every tile that may be is tried with the numbers of parts that fill the GPU another time, and the one that should be
// done first is taken. In clocks of a processor (an estimate: no device has been measured yet):
//
//   blocks     of all phases, times the parts;  a processor gets m = ceil(blocks / processors) of them
//   at a time  r = as many as its registers and shared memory hold: m / r full turns, and one of the rest
//   a turn     of r blocks: for each step of the sum its instructions, of all their warps, over four schedulers, of which
//              each issues 0.4, 0.6, 0.7, 0.75 a clock with 1, 2, 3, 4 or more warps of its own; or, where that takes
//              longer, 24 bytes a clock from L2, for B and half of A; and at the end the instructions that finish
//   parts      written and read again: 4 (parts + 1) bytes an element at 16 a clock and processor, and a launch
//
// So 288 tiles on 264 places are no longer two turns of which the second is nearly empty.
#include <cmath>
#include <vector>

#include "cuda/conv_math.h"
#include "cuda/conv_problem.h"

namespace coopnets {
namespace {

constexpr int64_t most_splits = 4096, most_partial_bytes = 128 << 20;
constexpr int least_steps = 8;  // of a part
constexpr double clocks_of_a_start = 1500, clocks_of_a_launch = 2500;
constexpr double bytes_a_clock = 16, bytes_a_clock_of_l2 = 24;  // and processor

struct Candidate {
  Tile tile;
  int rows, columns, warps, resident;
  double step;    // instructions of a warp for one step of the sum
  double finish;  // and for its share of the result
  int carveout;   // as GemmPlan has it
};

// products: instructions of a warp for a step of the whole tile, counted in the code for sm_90 (tools/kernel_report). To
// them come nine a copy of a thread, twenty where each copy's row is read from shared memory, and forty to walk on; to the
// result's elements twelve each. Tensor cores skip columns that the result does not have, by warps_across x 8.
template <class Shape>
Candidate candidate(const Gpu &gpu, const GemmPlan &plan, Tile tile, int columns, double products) {
  const int64_t room = int64_t(gpu.shared_a_processor), bytes = shared_bytes<Shape>(plan.stages) + 1024;
  const int64_t resident = std::clamp<int64_t>(room / bytes, 1, Shape::blocks_a_processor);
  const double copies_of_a = double(step_of_sum) * Shape::rows / plan.a_vector / Shape::threads,
               copies_of_b = double(step_of_sum) * Shape::columns / plan.b_vector / Shape::threads;
  const int group = gpu.precision == Precision::fp32 ? Shape::columns : 8 * Shape::warps_across;
  const double used = double(ceil_div(columns, group)) * group / (ceil_div(columns, Shape::columns) * Shape::columns);
  return {tile,
          Shape::rows,
          Shape::columns,
          Shape::threads / warp_size,
          int(resident),
          used * products + 40 + (copies_of_a > 8 ? 20 : 9) * copies_of_a + 9 * copies_of_b,
          12.0 * Shape::rows * Shape::columns / Shape::threads,
          int(std::min<int64_t>(100, ceil_div<int64_t>(100 * resident * bytes, room)))};
}

std::vector<Candidate> candidates(const Gpu &gpu, const GemmPlan &plan, int columns) {
  const bool exact = gpu.precision == Precision::fp32;
  const auto of = [&](double fp32, double tf32, double bf16, double tf32x3) {
    const double all[] = {fp32, tf32, bf16, tf32x3};
    return all[int(gpu.precision)];
  };
  const double small = of(570, 80, 56, 176);
  std::vector<Candidate> all = {candidate<MediumTile>(gpu, plan, Tile::medium, columns, small)};
  if (plan.b_vector == 1) return all;
  all.push_back(candidate<NarrowTile>(gpu, plan, Tile::narrow, columns, small));
  all.push_back(candidate<TallTile>(gpu, plan, Tile::tall, columns, of(1100, 128, 88, 288)));
  if (gpu.shared_a_block < size_t(shared_bytes<LargeTile>(plan.stages))) return all;
  all.push_back(exact ? candidate<LargeTile>(gpu, plan, Tile::large, columns, of(1100, 0, 0, 0))
                      : candidate<LargeWarpTile>(gpu, plan, Tile::large, columns, of(0, 200, 128, 448)));
  return all;
}

double clocks_of_a_turn(const Candidate &c, int blocks, double steps) {
  static const double rate[] = {0.4, 0.6, 0.7, 0.75};  // instructions a clock of a scheduler with so many warps
  const int warps = ceil_div(blocks * c.warps, 4);
  const double issue = warps / rate[std::min(warps, 4) - 1];
  const double copied = blocks * step_of_sum * sizeof(float) * (c.rows / 2.0 + c.columns) / bytes_a_clock_of_l2;
  return clocks_of_a_start + steps * std::max(issue * c.step, copied) + issue * c.finish;
}

struct Work {
  int64_t tiles, steps;  // of all phases; steps of the sum, of the longest
  double mean_steps;
};

template <Product product>
Work work(const ConvProblem &p, const Candidate &c) {
  Work all{};
  for (int i = 0; i < phases_of(product, p); ++i) {
    const Phase<product> phase(p, i);
    const int64_t tiles = int64_t{ceil_div(phase.rows, c.rows)} * ceil_div(phase.columns, c.columns);
    const int steps = ceil_div(phase.sum, step_of_sum);
    all.tiles += tiles;
    all.steps = std::max<int64_t>(all.steps, steps);
    all.mean_steps += double(tiles) * steps;
  }
  all.mean_steps /= double(std::max<int64_t>(all.tiles, 1));
  return all;
}

double clocks(const Gpu &gpu, const ConvProblem &p, const Candidate &c, const Work &w, int64_t splits) {
  const int64_t mine = ceil_div<int64_t>(w.tiles * splits, gpu.processors), full = mine / c.resident;
  const int rest = int(mine % c.resident);
  // Blocks of the longest phase begin first; where all run at once, they are waited for.
  const double steps = std::ceil((full ? w.mean_steps : double(w.steps)) / double(splits));
  double sum = double(full) * clocks_of_a_turn(c, c.resident, steps);
  if (rest) sum += clocks_of_a_turn(c, rest, steps);
  if (splits > 1)
    sum += clocks_of_a_launch + 4.0 * double(splits + 1) * double(p.result_elements) / (bytes_a_clock * gpu.processors);
  return sum;
}

template <Product product>
GemmPlan planned(const Gpu &gpu, const ConvProblem &p) {
  const auto vector = [](int channels, const float *at) {
    return channels % 4 == 0 && aligned(at, 16) ? 4 : channels % 2 == 0 && aligned(at, 8) ? 2 : 1;
  };
  const int b_vector = vector(p.out_channels, p.b),
            both = std::min(vector(product == Product::backward_input ? p.out_channels : p.in_channels, p.a), b_vector);
  GemmPlan plan{};
  plan.a_vector = both;
  plan.b_vector = both == 1 && b_vector == 4 && product != Product::backward_input ? 4 : both;
  plan.stages = gpu.shared_a_processor <= (100 << 10) ? 2 : most_stages;
  double best = INFINITY;
  const Phase<product> phase(p, 0);
  const std::vector<Candidate> all = candidates(gpu, plan, phase.columns);
  const bool offered = std::any_of(all.begin(), all.end(), [&](const Candidate &c) { return c.tile == gpu.only; });
  for (const Candidate &c : all) {
    if (offered && c.tile != gpu.only) continue;
    const Work w = work<product>(p, c);
    const int64_t exact = std::max<int64_t>(1, ceil_div<int64_t>(w.steps * step_of_sum, most_terms));
    const int64_t most = std::max<int64_t>(1, std::min({std::max(exact, w.steps / least_steps), room_for_splits(p),
                                                        int64_t{65535 / phases_of(product, p)}}));
    const int64_t least = std::min(exact, most);
    const auto consider = [&](int64_t splits) {
      splits = std::clamp(splits, least, most);
      const double time = clocks(gpu, p, c, w, splits);
      if (time < best) best = time, plan.tile = c.tile, plan.splits = int(splits), plan.carveout = c.carveout;
    };
    consider(least);
    for (int turns = 1; turns <= 3 * c.resident; ++turns)
      consider(int64_t{turns} * gpu.processors / std::max<int64_t>(w.tiles, 1));
  }
  return plan;
}

}  // namespace

// How many parts may each have a place in scratch memory.
int64_t room_for_splits(const ConvProblem &p) {
  const int64_t bytes = std::max<int64_t>(p.result_elements, 1) * int64_t{sizeof(float)};
  return std::min(most_splits, std::max<int64_t>(1, most_partial_bytes / bytes));
}

template <Product product>
GemmPlan plan_gemm(const Gpu &gpu, const ConvProblem &p) {
  return planned<product>(gpu, p);
}

template GemmPlan plan_gemm<Product::forward>(const Gpu &, const ConvProblem &);
template GemmPlan plan_gemm<Product::backward_input>(const Gpu &, const ConvProblem &);
template GemmPlan plan_gemm<Product::backward_filter>(const Gpu &, const ConvProblem &);

}  // namespace coopnets
