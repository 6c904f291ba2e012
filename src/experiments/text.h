// Words and numbers that people type, and what to answer to a wrong one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coopnets {

// The whole text must be the number: no blanks, no junk, no overflow. A double is finite, in decimal, as "0.3" or
// "1e-4".
std::optional<int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

// "480x640" -> {480, 640}, rows first as everywhere, and "480" -> {480, 480}; sides from 1 to 65536.
std::optional<std::pair<int64_t, int64_t>> parse_size(std::string_view text);

// The shortest text that reads back as the same double: "0.3".
std::string print_number(double value);

// Fewest insertions, deletions, replacements and swaps of neighbours between two words (Damerau 1964, in the restricted
// form that touches no letter twice), letters compared without regard to case.
int64_t edit_distance(std::string_view a, std::string_view b);

// The nearest candidate by edit distance, a candidate that begins with the word being near; the first of equals.
// "" for no candidates.
std::string nearest(const std::string &word, const std::vector<std::string> &candidates);

// "; did you mean --seed?" for the nearest candidate where it differs by a third of its letters at most, `before` it; ""
// where none does.
std::string did_you_mean(const std::string &word, const std::vector<std::string> &candidates,
                         const std::string &before = "");

// "a, b or c".
std::string either(const std::vector<std::string> &words);

// Without blanks at both ends.
std::string_view trim(std::string_view text);

}  // namespace coopnets
