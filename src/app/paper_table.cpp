#include "app/paper_table.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <new>
#include <sstream>

#include "app/count_curves.h"
#include "app/errands.h"
#include "app/evaluate.h"
#include "app/evolution.h"
#include "app/html.h"
#include "app/interrupt.h"
#include "app/mpi_ranks.h"
#include "app/progress.h"
#include "app/report.h"
#include "app/run_name.h"
#include "app/run_report.h"
#include "app/saved_model.h"
#include "app/train.h"
#include "experiments/experiment.h"
#include "experiments/text.h"
#include "rivals/rival.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

struct PaperTable {
  std::string experiment;         // unless --exp names another
  std::vector<std::string> rows;  // as --algorithm has them
  std::string title;
  std::vector<std::string> measured;  // how the titles of the evaluation's tables begin
  bool needs_features;
};

const PaperTable &paper_table(int64_t number) {
  static const PaperTable all[] = {
      {"scene",
       {"cooperative", "generator", "persistent-cd", "dcgan", "ebgan", "wgan", "vae", "infogan", "ddgm"},
       "Table 1: scenes",
       {"Scores of features", "Category", "Structural similarity"},
       true},
      {"digits", {"cooperative", "dbn", "cae", "gsn", "gan"}, "Table 2: digits", {"Parzen"}, false},
      {"cifar10", {"cooperative", "wgan", "dcgan", "vae"}, "Table 3: benchmarks", {"Scores of features"}, true},
      {"completion", {"cooperative", "dcgan"}, "Table 4: completion", {"Completion"}, false}};
  return all[number - 1];
}

std::vector<std::string> parts(const std::string &list) {
  std::vector<std::string> all;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) all.push_back(word);
  return all;
}

std::string title_of(const std::string &algorithm) {
  try {
    return algorithm_title(algorithm);
  } catch (const std::runtime_error &error) {
    throw UsageError(std::string("--rows: ") + error.what() + "; --list names the rivals");
  }
}

std::vector<int64_t> numbers(const std::string &option, const std::string &list, int64_t least,
                             const std::string &what) {
  std::vector<int64_t> all;
  for (const std::string &part : parts(list)) {
    const std::optional<int64_t> number = parse_integer(part);
    if (!number || *number < least) throw UsageError(option + " takes " + what + ", not " + coopnets::quoted(part));
    if (std::count(all.begin(), all.end(), *number) > 0) throw UsageError(option + " has " + part + " twice");
    all.push_back(*number);
  }
  return all;
}

// One row's run; runs that differ in their seed alone, side by side, are a row of the table together.
struct Run {
  std::string algorithm;
  int64_t pictures;   // that it learns, of each category; 0: all
  std::string count;  // ", n = 50", "" where all pictures are learned
  std::string row;    // the row's title
  std::string title;  // the run's own: with its seed where there are several
  Options options;
  std::string folder;
  std::string failure;
  std::vector<Table> tables;  // of its evaluation
};

// Of one table of several runs: each row of the first one with its means over those that have it, or with their
// standard deviations.
Table over_runs(const std::vector<Table> &tables, bool deviation) {
  Table all = tables.at(0);
  for (Table::Row &row : all.rows)
    for (size_t c = 0; c < row.cells.size(); ++c) {
      double count = 0, sum = 0, squares = 0;
      const auto each = [&](const std::function<void(double)> &see) {
        for (const Table &table : tables)
          for (const Table::Row &other : table.rows)
            if (other.name == row.name && c < other.cells.size()) see(other.cells[c]);
      };
      each([&](double x) { sum += x, ++count; });
      each([&](double x) { squares += std::pow(x - sum / count, 2); });
      row.cells[c] = deviation ? std::sqrt(squares / (count - 1)) : sum / count;
    }
  return all;
}

class TableOfRuns {
 public:
  explicit TableOfRuns(const Options &options)
      : options_(options), paper_(paper_table(options.table)), progress_(options) {
    require_exact_features(options);
    if (!options.experiment.empty() && find_experiment(options.experiment).data == DataKind::points)
      throw UsageError("--table is of pictures, and the experiment '" + options.experiment +
                       "' has points of the plane");
    for (const std::string &file : {options.features, options.statistics})
      if (!file.empty() && access(file.c_str(), R_OK) != 0) throw std::runtime_error("cannot read " + file);
    if (paper_.needs_features && options.features.empty())
      throw UsageError(
          "--table " + std::to_string(options.table) +
          " needs --features FILE, the net that looks at the pictures: Inception, or what --exp classifier "
          "learned");
    std::vector<int64_t> counts = numbers("--counts", options.counts, 1, "numbers of pictures");
    std::vector<int64_t> seeds = numbers("--seeds", options.seeds, 0, "whole numbers");
    if (counts.empty()) counts = {0};
    if (seeds.empty()) seeds = {options.seed};
    const std::vector<std::string> rows = options.rows.empty() ? paper_.rows : parts(options.rows);
    for (const std::string &algorithm : rows)
      for (const int64_t count : counts)
        for (const int64_t seed : seeds) add_run(algorithm, count, seed);
    refuse_useless(rows);
  }

  int run() {
    bool failed = false;
    for (size_t i = 0; i < runs_.size(); ++i) {
      Run &run = runs_[i];
      progress_.note("row " + std::to_string(i + 1) + " of " + std::to_string(runs_.size()) + ", " + run.title + ": " +
                     run.folder);
      try {
        have_others_train(run.options);
        const int status = train(run.options);
        if (status != 0) return stopped(status);
        const Options evaluation = evaluated(run);
        run.tables = (options_.table == 4 ? completion_report(evaluation) : picture_report(evaluation)).tables;
      } catch (const std::bad_alloc &) {
        if (program_ranks().count() > 1) throw;
        run.failure = "out of memory";
      } catch (const std::exception &error) {
        if (program_ranks().count() > 1) throw;  // nobody knows where the others are
        run.failure = error.what();
      }
      if (interrupted()) return stopped(130);
      if (!run.failure.empty()) progress_.warn(run.title + ": " + run.failure);
      failed = failed || !run.failure.empty();
      done_ = i + 1;
      write();
    }
    print_report({facts(), tables()}, options_);
    progress_.note(file(".html") + " shows the rows beside one another" +
                   (std::filesystem::exists(file(".svg")) ? ", " + file(".svg") + " their curves" : "") + "; " +
                   file(".txt") + " and " + file(".json") + " hold the numbers");
    return failed ? 1 : 0;
  }

 private:
  int stopped(int status) {
    progress_.note("the same command goes on with the table");
    return status;
  }

  // A setting must serve a row, if not one that is chosen now.
  void refuse_useless(std::vector<std::string> rows) const {
    rows.insert(rows.end(), paper_.rows.begin(), paper_.rows.end());
    for (const auto &[name, value] : options_.settings)
      if (std::none_of(rows.begin(), rows.end(), [&, &name = name](const std::string &row) { return uses(row, name); }))
        throw UsageError("the setting " + name + " does nothing in any row of this table");
  }
  static bool uses(const std::string &algorithm, const std::string &setting) {
    const std::vector<std::string> unused = unused_settings(algorithm);
    return std::find(unused.begin(), unused.end(), setting) == unused.end();
  }

  // The run of seed 1 is named as if there were no other, so that seeds can be added later.
  void add_run(const std::string &algorithm, int64_t count, int64_t seed) {
    const std::string n = count > 0 ? ", n = " + std::to_string(count) : "", row = title_of(algorithm) + n;
    Run run{algorithm, count, n,  row, row + (options_.seeds.empty() ? "" : ", seed " + std::to_string(seed)),
            options_,  "",    "", {}};
    Options &o = run.options;
    o.table = 0;
    if (o.experiment.empty()) o.experiment = paper_.experiment;
    o.algorithm = algorithm;
    o.seed = seed;
    o.name = "table-" + std::to_string(options_.table) + '-' + algorithm;
    if (count > 0) o.name += "-" + std::to_string(count);
    if (seed != 1) o.name += "-seed-" + std::to_string(seed);
    o.settings.erase(std::remove_if(o.settings.begin(), o.settings.end(),
                                    [&](const auto &one) { return !uses(algorithm, one.first); }),
                     o.settings.end());  // which serve other rows
    if (count > 0) o.settings.emplace_back("examples", std::to_string(count));
    run.folder = run_path(o, o.experiment);
    for (const char *checkpoint : {"/checkpoint.safetensors", "/checkpoint.previous.safetensors"})
      o.resume = o.resume || std::filesystem::exists(run.folder + checkpoint);
    if (count > 0 && !options_.is_given("samples")) o.samples = 10 * count;
    runs_.push_back(std::move(run));
  }

  static Options evaluated(const Run &run) {
    Options o = run.options;
    o.resume = false;
    o.evaluate = true;
    o.iterations = 0;
    return o;
  }

  // The rows of one table of the evaluations, those of the pictures themselves and of others' results once at the end.
  static bool is_made(const std::string &name) { return name == "generator" || name == "descriptor"; }

  static bool is_shared(const std::string &name, const std::string &system) {
    return !is_made(name) && name.compare(0, system.size(), system) != 0;
  }

  std::vector<Table> tables() const {
    std::vector<Table> all;
    for (size_t first = 0, last = 0; first < done_; first = last) {
      std::vector<Run> finished;  // of one row
      for (last = first; last < done_ && runs_[last].row == runs_[first].row; ++last)
        if (runs_[last].failure.empty()) finished.push_back(runs_[last]);
      if (!finished.empty()) add_row(all, finished);
    }
    if (all.empty()) all.push_back({paper_.title, {}, {}, {}});
    for (Table &table : all) {
      add_failures(table);
      if (table.columns.empty()) continue;
      table.notes.push_back(
          "seconds: of learning, on this machine; passes: of a net over an example in learning, "
          "forwards or backwards");
      if (!options_.seeds.empty())
        table.notes.push_back(
            "+- between seeds: standard deviation; rows of no one system are of the first one's seeds on average");
    }
    return all;
  }

  bool is_measured(const Table &table) const {
    return std::any_of(paper_.measured.begin(), paper_.measured.end(),
                       [&](const std::string &title) { return table.title.compare(0, title.size(), title) == 0; });
  }

  // Of more numbers of pictures than one.
  std::string curves() const {
    std::vector<CountedTables> all;
    for (size_t i = 0; i < done_; ++i) {
      all.push_back({runs_[i].pictures, {}});
      for (Table table : runs_[i].tables) {
        if (!is_measured(table)) continue;
        for (Table::Row &row : table.rows)
          if (is_made(row.name)) row.name = title_of(runs_[i].algorithm) + ", " + row.name;
        all.back().tables.push_back(std::move(table));
      }
    }
    return count_curves(all);
  }

  void add_row(std::vector<Table> &all, const std::vector<Run> &runs) const {
    for (const Table &own : runs[0].tables) {
      if (!is_measured(own)) continue;
      std::vector<Table> of_runs;
      for (const Run &run : runs)
        for (const Table &table : run.tables)
          if (table.title == own.title) of_runs.push_back(with_budget(table, run));
      const Table mean = over_runs(of_runs, false), deviation = over_runs(of_runs, true);
      const auto same = std::find_if(all.begin(), all.end(), [&](const Table &t) { return t.title == own.title; });
      Table &table = same != all.end() ? *same : all.emplace_back(Table{own.title, mean.columns, {}, own.notes});
      if (table.columns.size() == mean.columns.size()) append(table, mean, deviation, runs);
    }
  }

  // What the run cost, beside what it made.
  static Table with_budget(Table table, const Run &run) {
    const Curves curves = read_curves(run.folder + "/log.csv");
    const std::optional<int64_t> passes = network_passes(SafetensorsFile(run.folder + "/checkpoint.safetensors"));
    const bool any = !curves.iterations.empty();
    const std::vector<double> budget = {any ? curves.iterations.back() : NAN, any ? curves.seconds() : NAN,
                                        passes ? double(*passes) : NAN};
    table.columns.insert(table.columns.end(), {"iterations", "seconds", "passes"});
    for (Table::Row &row : table.rows)
      for (const double cell : budget) row.cells.push_back(is_shared(row.name, title_of(run.algorithm)) ? NAN : cell);
    return table;
  }

  void add_failures(Table &table) const {
    for (size_t i = 0; i < done_; ++i)
      if (!runs_[i].failure.empty()) {
        table.rows.push_back({runs_[i].title + ": failed", std::vector<double>(table.columns.size(), NAN)});
        table.notes.push_back(runs_[i].title + ": " + runs_[i].failure);
      }
  }

  // ", mean of seeds 1, 2"
  std::string seeds_of(const std::vector<Run> &runs) const {
    if (options_.seeds.empty()) return "";
    std::string seeds;
    for (const Run &run : runs) seeds += (seeds.empty() ? "" : ", ") + std::to_string(run.options.seed);
    return (runs.size() > 1 ? ", mean of seeds " : ", seed ") + seeds;
  }

  // What these runs made comes before what all rows share, which is there once; of other numbers of pictures, once for
  // each of them.
  void append(Table &table, const Table &mean, const Table &deviation, const std::vector<Run> &runs) const {
    const std::string system = title_of(runs[0].algorithm);
    const auto shared_name = [&](const std::string &name) {
      return name.compare(0, 9, "published") == 0 ? name : name + runs[0].count;
    };
    const auto there = [&](const std::string &name) {
      return std::any_of(table.rows.begin(), table.rows.end(), [&](const Table::Row &row) { return row.name == name; });
    };
    auto at = std::find_if(table.rows.begin(), table.rows.end(), [&](const Table::Row &row) { return row.shared; });
    for (size_t i = 0; i < mean.rows.size(); ++i) {
      const std::string &own = mean.rows[i].name;
      if (is_shared(own, system)) continue;
      const std::string name = runs[0].row + (is_made(own) ? ", " + own : own.substr(system.size()));
      at = table.rows.insert(at, {name + seeds_of(runs), mean.rows[i].cells}) + 1;
      if (runs.size() > 1) at = table.rows.insert(at, {name + ", +- between seeds", deviation.rows[i].cells}) + 1;
    }
    for (const Table::Row &row : mean.rows)
      if (is_shared(row.name, system) && !there(shared_name(row.name)))
        table.rows.push_back({shared_name(row.name), row.cells, true});
  }

  std::string file(const std::string &extension) const {
    return options_.out + "/table-" + std::to_string(options_.table) + extension;
  }

  // A sheet of each row's last samples below the numbers.
  std::string sheets() const {
    std::string html;
    for (size_t i = 0; i < done_; ++i) {
      html += "<h2>" + escaped(runs_[i].title) + "</h2>\n";
      if (!runs_[i].failure.empty()) html += "<p>failed: " + escaped(runs_[i].failure) + "</p>\n";
      html += "<div class=\"row\">\n";
      for (const auto &[kind, files] : sheets_of(runs_[i].folder)) {
        const std::string &last = files.rbegin()->second;
        html += "<figure><img alt=\"" + kind + '"' + picture_width(last) + " src=\"" + picture_uri(last) +
                "\"><figcaption>" + kind + "</figcaption></figure>\n";
      }
      html += "</div>\n";
    }
    return html;
  }

  std::vector<Fact> facts() const {
    std::vector<Fact> all = {
        {"table", options_.table}, {"data", options_.data}, {"features", options_.features}, {"seed", options_.seed}};
    if (!options_.seeds.empty()) all.back() = {"seeds", options_.seeds};
    return all;
  }

  void write() const {
    const std::vector<Table> all = tables();
    std::string text;
    for (const Table &table : all) text += table_text(table) + "\n";
    const std::string drawn = curves();
    write_atomically(file(".txt"), text);
    write_atomically(file(".json"), report_json(facts(), all));
    write_atomically(file(".html"), html_page(paper_.title, "<pre>" + escaped(text) + "</pre>\n" + drawn + sheets()));
    if (drawn.empty())
      std::filesystem::remove(file(".svg"));  // of other rows
    else
      write_atomically(file(".svg"), drawn);
  }

  const Options &options_;
  const PaperTable &paper_;
  Progress progress_;
  std::vector<Run> runs_;
  size_t done_ = 0;
};

}  // namespace

int make_table(const Options &options) { return TableOfRuns(options).run(); }

}  // namespace coopnets
