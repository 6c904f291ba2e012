// report.html of a run: its pictures over the iterations, its curves and its settings, in one file that needs no other.
#pragma once
#include <string>
#include <vector>

namespace coopnets {

// A log as it is read back: NaN where a column has no value.
struct Curves {
  std::vector<std::string> columns;  // without the first, the iteration
  std::vector<double> iterations;
  std::vector<std::vector<double>> values;  // [column][row]
  double seconds() const;                   // of all iterations: the last column
};
Curves read_curves(const std::string &log);  // throws std::runtime_error where the file cannot be read

// An SVG drawing of the columns [first, last) over the iterations, 640 wide and 220 high; "" without a number. From the
// hundredth to the last but a hundredth of their values: a single spike would flatten all the rest, and is cut off.
std::string chart(const Curves &, size_t first, size_t last);

// How the energies of observed and revised examples have come together, in a word and in the numbers behind it: "" where
// the log has none or fewer than eight rows.
std::string verdict(const Curves &);
std::string verdict_word(const std::string &verdict);  // "approaching", "swinging", "diverging" or ""

// The page, of log.csv, config.txt, observed.png and samples/ of a run's folder as they are.
std::string run_report(const std::string &folder, const std::string &title);

}  // namespace coopnets
