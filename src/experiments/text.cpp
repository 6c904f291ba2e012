#include "experiments/text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace coopnets {

namespace {

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

char lower(char c) { return char(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

std::optional<int64_t> parse_integer(std::string_view text) { return parse_whole<int64_t>(text); }

std::optional<double> parse_number(std::string_view text) {
  const std::optional<double> value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::pair<int64_t, int64_t>> parse_size(std::string_view text) {
  const size_t x = text.find('x');
  const auto height = parse_integer(text.substr(0, x));
  const auto width = x == std::string_view::npos ? height : parse_integer(text.substr(x + 1));
  const auto sensible = [](const std::optional<int64_t> &side) { return side && *side >= 1 && *side <= 65536; };
  if (!sensible(height) || !sensible(width)) return std::nullopt;
  return std::make_pair(*height, *width);
}

std::string print_number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

int64_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between the first i letters of a and the first j of b; two earlier rows are enough.
  std::vector<int64_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = int64_t(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = int64_t(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

namespace {

constexpr size_t looked_at = 200;  // letters of a word, which may be a megabyte of a file that is no config

// A candidate that begins with the word is near.
int64_t distance(const std::string &word, const std::string &candidate) {
  const bool begins =
      word.size() >= 3 && word.size() <= candidate.size() && edit_distance(word, candidate.substr(0, word.size())) == 0;
  return begins ? 1 : edit_distance(word.substr(0, looked_at), candidate);
}

}  // namespace

std::string nearest(const std::string &word, const std::vector<std::string> &candidates) {
  const auto best = std::min_element(candidates.begin(), candidates.end(), [&](const auto &a, const auto &b) {
    return distance(word, a) < distance(word, b);
  });
  return best == candidates.end() ? "" : *best;
}

std::string did_you_mean(const std::string &word, const std::vector<std::string> &candidates,
                         const std::string &before) {
  const std::string best = nearest(word, candidates);
  const bool near = 3 * distance(word, best) <= int64_t(std::max(std::min(word.size(), looked_at), best.size()));
  return best.empty() || !near ? "" : "; did you mean " + before + best + "?";
}

std::string either(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr char blanks[] = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace coopnets
