// The command line: one table of options, from which it is parsed, printed into config.txt and explained by --help.
#pragma once
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "experiments/settings.h"

namespace coopnets {

// A wrong command line: main prints the sentence and exits with 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string experiment, bench;
  bool profile = false;  // of --bench
  bool interpolate = false, complete = false, evaluate = false;
  bool list = false, help = false, version = false, man = false;
  std::string completion;  // the shell, "" for none
  int64_t sample = 0;      // how many; 0: no sampling

  std::string data;     // as it was given
  std::string data_at;  // of a config.txt: its absolute path, for when it is read in another folder
  std::string preset, algorithm;
  int64_t iterations = 0;  // 0: as the preset says
  int64_t seed = 1;
  std::string category;
  std::vector<std::pair<std::string, std::string>> settings;  // --set, in order

  std::string out = "output", name;
  bool resume = false, overwrite = false, dry_run = false;

  std::string device = "auto", precision;  // "" precision: the device's own
  int64_t threads = 0;                     // 0: all

  std::string checkpoint, size, save = "png";
  int64_t frames = 0;
  std::string picture, mask;  // of --complete
  std::string features, statistics, compare;
  int64_t samples = 10000, splits = 10;
  int64_t table = 0;   // 0: none
  std::string rows;    // of it, "" for all
  std::string counts;  // of Table 1: pictures of each category, "" for all there are
  std::string seeds;   // of it, "" for that of --seed

  std::string config;
  bool quiet = false, json = false;
  std::string log = "text";

  std::set<std::string> given;        // names of the options that the command line or its --config file set
  std::set<std::string> from_config;  // those of them that the file alone set

  bool is_given(const std::string &option) const { return given.count(option) > 0; }
  bool sets(const std::string &setting) const;  // by --set or in the config file
};

// How an error names an option: "--device cuda", or "device=cuda of PATH/config.txt (--device changes it)".
std::string as_given(const Options &, const std::string &option, const std::string &value);

// The names that --exp, --bench, --preset and --algorithm know.
struct Vocabulary {
  std::vector<std::string> experiments, benchmarks, presets, algorithms;
};

// `arguments` without the program's name. A --config file is read first, the rest overrides it; the machine that it
// names (device, precision, threads) serves a run, new or resumed, and nothing that is done with a trained model. Throws
// UsageError, one sentence that names the nearest valid option or value, or says which options exclude or need each
// other.
Options parse_options(const std::vector<std::string> &arguments, const Vocabulary &);

// The preset changed by --set in the order given, then by --iterations and --category.
Settings settings_of(const Options &, Settings preset);

// What config.txt holds: the options that define the run and every setting, one name=value a line; --config reads it
// back.
std::string config_text(const Options &, const Settings &);

// What --help prints, at most 80 columns wide.
std::string help_text(const Vocabulary &);

}  // namespace coopnets
