#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "rivals/inpaint.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace coopnets {
namespace {

constexpr int levels = 256;

// exp(-beta k / 255^norm) for k = 0, 1, ... until it no longer counts beside 1; the last element is 0.
std::vector<double> boltzmann_factors(double beta, int norm) {
  const double step = beta / std::pow(255.0, norm);
  const int64_t count = std::min<int64_t>(int64_t(40 / step) + 1, 4 * int64_t(std::pow(255.0, norm)) + 1);
  std::vector<double> factors(count + 1);
  for (int64_t k = 0; k < count; ++k) factors[k] = std::exp(-step * double(k));
  factors[count] = 0;
  return factors;
}

// Draws a level with probability ~ factors[energy - smallest energy]; u in (0, 1].
int draw_level(const int32_t *energy, const std::vector<double> &factors, double u) {
  int32_t smallest = energy[0];
  for (int l = 1; l < levels; ++l) smallest = std::min(smallest, energy[l]);
  const int32_t last = int32_t(factors.size()) - 1;
  double weight[levels], part[levels / 16];
  for (int l = 0; l < levels; ++l) weight[l] = factors[std::min(energy[l] - smallest, last)];
  double total = 0;
  for (int p = 0; p < levels / 16; ++p) {
    part[p] = 0;
    for (int l = 0; l < 16; ++l) part[p] += weight[16 * p + l];
    total += part[p];
  }
  double rest = u * total;
  int p = 0, level = -1;
  while (p + 1 < levels / 16 && rest > part[p]) rest -= part[p++];
  for (int l = 16 * p; l < 16 * (p + 1); ++l) {
    if (weight[l] == 0) continue;
    level = l;  // rounding may leave a little: then the last possible one
    if (rest <= weight[l]) break;
    rest -= weight[l];
  }
  return level >= 0 ? level : int(std::min_element(energy, energy + levels) - energy);
}

template <int norm>
void add_energy(int neighbour, int32_t *energy) {
  for (int l = 0; l < levels; ++l) {
    const int difference = l - neighbour;
    energy[l] += norm == 1 ? std::abs(difference) : difference * difference;
  }
}

}  // namespace

MrfOptions mrf_l1() { return {1, 20, 1000, 600}; }
MrfOptions mrf_l2() { return {2, 100, 20000, 600}; }

Frames mrf_fill(const Frames &pictures, const Mask &mask, const MrfOptions &options, uint64_t seed) {
  if ((options.norm != 1 && options.norm != 2) || !(options.first_beta > 0) || !(options.last_beta > 0) ||
      !std::isfinite(options.first_beta) || !std::isfinite(options.last_beta) || options.sweeps < 1)
    throw std::invalid_argument("a Markov random field needs norm 1 or 2, beta above 0 and at least one sweep");
  require_mask(mask, pictures);
  const int64_t height = pictures.height, width = pictures.width, channels = pictures.channels;
  const int64_t hidden = std::count_if(mask.hidden.begin(), mask.hidden.end(), [](uint8_t h) { return h != 0; });
  if (hidden == height * width)
    throw std::invalid_argument("the mask hides the whole picture, so there is nothing to fill from");

  if (hidden == 0) return pictures;

  std::vector<int> level(pictures.pixels.size());
  for (size_t i = 0; i < level.size(); ++i) {
    const double p = pictures.pixels[i];
    level[i] = p > 0 ? int(std::lround(std::min(p, 1.0) * 255)) : 0;
  }
  std::vector<int64_t> sites[2];  // elements of `level` by the colour of the checkerboard
  for (int64_t t = 0; t < pictures.count; ++t)
    for (int64_t c = 0; c < channels; ++c) {
      int64_t sum = 0;
      for (int64_t i = 0; i < height * width; ++i)
        if (!mask.hidden[i]) sum += level[(t * height * width + i) * channels + c];
      for (int64_t i = 0; i < height * width; ++i) {
        if (!mask.hidden[i]) continue;
        const int64_t at = (t * height * width + i) * channels + c;
        level[at] = int(sum / (height * width - hidden));
        sites[(i / width + i % width) % 2].push_back(at);
      }
    }

  const double ratio = options.last_beta / options.first_beta;
  std::vector<double> factors;
  for (int sweep = 0; sweep < options.sweeps; ++sweep) {
    const double progress = options.sweeps > 1 ? double(sweep) / (options.sweeps - 1) : 1;
    if (sweep == 0 || ratio != 1)
      factors = boltzmann_factors(options.first_beta * std::pow(ratio, progress), options.norm);
    for (const std::vector<int64_t> &colour : sites) {
      // Sites of one colour are not neighbours: their order does not matter.
      const auto draw = [&](int64_t k) {
        const int64_t at = colour[k], i = at / channels % (height * width), y = i / width, x = i % width;
        int32_t energy[levels] = {};
        const auto add = [&](int64_t neighbour) {
          options.norm == 1 ? add_energy<1>(level[neighbour], energy) : add_energy<2>(level[neighbour], energy);
        };
        if (y > 0) add(at - width * channels);
        if (y + 1 < height) add(at + width * channels);
        if (x > 0) add(at - channels);
        if (x + 1 < width) add(at + channels);
        const uint32_t word = random_block({seed, Purpose::evaluation}, uint64_t(sweep), 2, uint64_t(at)).v[0];
        level[at] = draw_level(energy, factors, uniform(word));
      };
      parallel_for(int64_t(colour.size()), draw, wake_if(colour.size() > 256));
    }
  }
  Frames result = pictures;
  for (const std::vector<int64_t> &colour : sites)
    for (int64_t at : colour) result.pixels[at] = level[at] / 255.0;
  return result;
}

}  // namespace coopnets
