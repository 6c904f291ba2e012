#include "rivals/inpaint.h"

#include <algorithm>
#include <stdexcept>

#include "rivals/sparse_least_squares.h"

namespace coopnets {
namespace {

struct Term {
  int64_t row, column;
  double factor;
};
using Terms = std::vector<Term>;  // their sum is to be zero

struct Size {
  int64_t height, width;
  bool has(int64_t i, int64_t j) const { return i >= 0 && i < height && j >= 0 && j < width; }
  // 0 on the border of the picture, 1 on the ring beside it, ...
  int64_t depth(int64_t i, int64_t j) const { return std::min({i, j, height - 1 - i, width - 1 - j}); }
};

// Second differences across rows and across columns, each where both neighbours exist; a corner has none.
Terms second_difference(Size size, int64_t i, int64_t j) {
  Terms terms;
  if (i > 0 && i + 1 < size.height) terms.insert(terms.end(), {{i - 1, j, 1}, {i, j, -2}, {i + 1, j, 1}});
  if (j > 0 && j + 1 < size.width) terms.insert(terms.end(), {{i, j - 1, 1}, {i, j, -2}, {i, j + 1, 1}});
  return terms;
}

Terms second_difference_or_corner(Size size, int64_t i, int64_t j) {
  Terms terms = second_difference(size, i, j);
  if (terms.empty()) terms = {{i, j, -2}, {i == 0 ? 1 : i - 1, j, 1}, {i, j == 0 ? 1 : j - 1, 1}};
  return terms;
}

Terms plate(Size size, int64_t i, int64_t j) {
  if (size.depth(i, j) < 2) return second_difference(size, i, j);
  return {{i, j, 20},        {i - 1, j, -8},    {i + 1, j, -8},    {i, j - 1, -8},    {i, j + 1, -8},
          {i - 1, j - 1, 2}, {i - 1, j + 1, 2}, {i + 1, j - 1, 2}, {i + 1, j + 1, 2}, {i - 2, j, 1},
          {i + 2, j, 1},     {i, j - 2, 1},     {i, j + 2, 1}};
}

Terms mean_of_neighbours(Size size, int64_t i, int64_t j) {
  Terms terms;
  for (int64_t y = i - 1; y <= i + 1; ++y)
    for (int64_t x = j - 1; x <= j + 1; ++x)
      if ((y != i || x != j) && size.has(y, x)) terms.insert(terms.end(), {{y, x, 1}, {i, j, -1}});
  return terms;
}

std::vector<Terms> equations_of(int method, const Mask &mask) {
  const Size size{mask.height, mask.width};
  std::vector<Terms> all;
  for (int64_t i = 0; i < size.height; ++i)
    for (int64_t j = 0; j < size.width; ++j) {
      if (method == 1) all.push_back(second_difference(size, i, j));
      if (method == 2 && mask(i, j)) all.push_back(second_difference_or_corner(size, i, j));
      if (method == 3) all.push_back(plate(size, i, j));
      if (method == 4 && j + 1 < size.width) all.push_back({{i, j, 1}, {i, j + 1, -1}});
      if (method == 4 && i + 1 < size.height) all.push_back({{i, j, 1}, {i + 1, j, -1}});
      if (method == 5 && mask(i, j)) all.push_back(mean_of_neighbours(size, i, j));
    }
  return all;
}

// Numbers of the hidden pixels (-1: visible), along the shorter side of the box around them, so that neighbours'
// numbers are close.
std::vector<int64_t> numbering(const Mask &mask) {
  int64_t top = mask.height, bottom = -1, left = mask.width, right = -1;
  for (int64_t i = 0; i < mask.height; ++i)
    for (int64_t j = 0; j < mask.width; ++j)
      if (mask(i, j)) {
        top = std::min(top, i), bottom = std::max(bottom, i);
        left = std::min(left, j), right = std::max(right, j);
      }
  const bool by_rows = right - left <= bottom - top;
  std::vector<int64_t> number(mask.hidden.size(), -1);
  int64_t next = 0;
  for (int64_t a = 0; a < (by_rows ? mask.height : mask.width); ++a)
    for (int64_t b = 0; b < (by_rows ? mask.width : mask.height); ++b) {
      const int64_t at = by_rows ? a * mask.width + b : b * mask.width + a;
      if (mask.hidden[at]) number[at] = next++;
    }
  return number;
}

}  // namespace

Frames inpaint(const Frames &pictures, const Mask &mask, int method) {
  if (method < 1 || method > 5)
    throw std::invalid_argument("interpolation has the methods 1 to 5, not " + std::to_string(method));
  require_mask(mask, pictures);
  if (mask.height < 3 || mask.width < 3)
    throw std::invalid_argument("interpolation needs a picture of 3 x 3 pixels or more");
  const std::vector<int64_t> number = numbering(mask);
  const int64_t unknowns = std::count_if(number.begin(), number.end(), [](int64_t k) { return k >= 0; });
  if (unknowns == int64_t(number.size()))
    throw std::runtime_error("the mask hides the whole picture, so there is nothing to interpolate from");

  const int64_t channels = pictures.channels, sides = pictures.count * channels;
  std::vector<Equation> equations;
  for (const Terms &terms : equations_of(method, mask)) {
    Equation e;
    for (const Term &t : terms)
      if (number[t.row * mask.width + t.column] >= 0)
        e.terms.push_back({number[t.row * mask.width + t.column], t.factor});
    if (e.terms.empty()) continue;
    e.right.resize(sides);
    for (const Term &t : terms) {
      const int64_t at = t.row * mask.width + t.column;
      if (number[at] >= 0) continue;
      for (int64_t s = 0; s < sides; ++s)
        e.right[s] -= t.factor * pictures.frame(s / channels)[at * channels + s % channels];
    }
    equations.push_back(std::move(e));
  }
  const Matrix x = sparse_least_squares(std::move(equations), unknowns, sides);
  Frames result = pictures;
  for (size_t at = 0; at < number.size(); ++at)
    for (int64_t s = 0; number[at] >= 0 && s < sides; ++s)
      result.frame(s / channels)[int64_t(at) * channels + s % channels] = x(number[at], s);
  return result;
}

}  // namespace coopnets
