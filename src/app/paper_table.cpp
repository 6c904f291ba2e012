#include "app/paper_table.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <new>
#include <sstream>

#include "app/evaluate.h"
#include "app/evolution.h"
#include "app/html.h"
#include "app/interrupt.h"
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
  std::string measured;  // how the title of the evaluation's table begins
  bool needs_features;
};

const PaperTable &paper_table(int64_t number) {
  static const PaperTable all[] = {
      {"scene",
       {"cooperative", "generator", "persistent-cd", "dcgan", "ebgan", "wgan", "vae", "infogan", "ddgm"},
       "Table 1: scenes",
       "Scores of features",
       true},
      {"digits", {"cooperative", "dbn", "cae", "gsn", "gan"}, "Table 2: digits", "Parzen", false},
      {"cifar10", {"cooperative", "wgan", "dcgan", "vae"}, "Table 3: benchmarks", "Scores of features", true},
      {"completion", {"cooperative", "dcgan"}, "Table 4: completion", "Completion", false}};
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

// One row's run.
struct Row {
  std::string algorithm, title;
  std::string count;  // ", n = 50", "" where all pictures are learned
  Options options;
  std::string folder;
  std::string failure;
  std::vector<Table> tables;  // of its evaluation
};

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
    for (const std::string &algorithm : options.rows.empty() ? paper_.rows : parts(options.rows)) {
      if (options.counts.empty()) add_row(algorithm, 0);
      for (const std::string &count : parts(options.counts)) {
        const std::optional<int64_t> number = parse_integer(count);
        if (!number || *number < 1)
          throw UsageError("--counts takes numbers of pictures, not " + coopnets::quoted(count));
        add_row(algorithm, *number);
      }
    }
  }

  int run() {
    bool failed = false;
    for (size_t i = 0; i < rows_.size(); ++i) {
      Row &row = rows_[i];
      progress_.note("row " + std::to_string(i + 1) + " of " + std::to_string(rows_.size()) + ", " + row.title + ": " +
                     row.folder);
      try {
        const int status = train(row.options);
        if (status != 0) return stopped(status);
        const Options evaluation = evaluated(row);
        row.tables = (options_.table == 4 ? completion_report(evaluation) : picture_report(evaluation)).tables;
      } catch (const std::bad_alloc &) {
        row.failure = "out of memory";
      } catch (const std::exception &error) {
        row.failure = error.what();
      }
      if (interrupted()) return stopped(130);
      if (!row.failure.empty()) progress_.warn(row.title + ": " + row.failure);
      failed = failed || !row.failure.empty();
      done_ = i + 1;
      write();
    }
    print_report({facts(), tables()}, options_);
    progress_.note(file(".html") + " shows the rows beside one another; " + file(".txt") + " and " + file(".json") +
                   " hold the numbers");
    return failed ? 1 : 0;
  }

 private:
  int stopped(int status) {
    progress_.note("the same command goes on with the table");
    return status;
  }

  void add_row(const std::string &algorithm, int64_t count) {
    const std::string n = count > 0 ? ", n = " + std::to_string(count) : "";
    Row row{algorithm, title_of(algorithm) + n, n, options_, "", "", {}};
    Options &o = row.options;
    o.table = 0;
    if (o.experiment.empty()) o.experiment = paper_.experiment;
    o.algorithm = algorithm;
    o.name = "table-" + std::to_string(options_.table) + '-' + algorithm;
    if (count > 0) {
      o.name += "-" + std::to_string(count);
      o.settings.emplace_back("examples", std::to_string(count));
    }
    row.folder = run_path(o, o.experiment);
    for (const char *checkpoint : {"/checkpoint.safetensors", "/checkpoint.previous.safetensors"})
      o.resume = o.resume || std::filesystem::exists(row.folder + checkpoint);
    if (count > 0 && !options_.is_given("samples")) o.samples = 10 * count;
    rows_.push_back(std::move(row));
  }

  static Options evaluated(const Row &row) {
    Options o = row.options;
    o.resume = false;
    o.evaluate = true;
    o.iterations = 0;
    return o;
  }

  // The rows of one table of the evaluations, those of the pictures themselves and of others' results once at the end.
  static bool is_made(const std::string &name) { return name == "generator" || name == "descriptor"; }

  std::vector<Table> tables() const {
    std::vector<Table> all;
    for (size_t i = 0; i < done_; ++i)
      for (const Table &own : rows_[i].tables) {
        if (own.title.compare(0, paper_.measured.size(), paper_.measured) != 0) continue;
        const auto same = std::find_if(all.begin(), all.end(), [&](const Table &t) { return t.title == own.title; });
        Table &table = same != all.end() ? *same : all.emplace_back(Table{own.title, own.columns, {}, own.notes});
        if (table.columns.size() == own.columns.size()) append(table, own, rows_[i]);
      }
    if (all.empty()) {
      all.push_back({paper_.title, {}, {}, {}});
      add_failures(all[0]);
      return all;
    }
    for (Table &table : all) {
      table.columns.insert(table.columns.end(), {"iterations", "seconds"});
      for (Table::Row &row : table.rows) {
        const auto of = std::find_if(rows_.begin(), rows_.end(), [&](const Row &r) {
          return row.name.compare(0, r.title.size() + 2, r.title + ", ") == 0 || row.name == r.title;
        });
        const Curves curves = of == rows_.end() ? Curves{} : read_curves(of->folder + "/log.csv");
        row.cells.push_back(curves.iterations.empty() ? NAN : curves.iterations.back());
        row.cells.push_back(curves.iterations.empty() ? NAN : curves.seconds());
      }
      add_failures(table);
      table.notes.push_back("seconds: of learning, on this machine");
    }
    return all;
  }

  void add_failures(Table &table) const {
    for (size_t i = 0; i < done_; ++i)
      if (!rows_[i].failure.empty()) {
        table.rows.push_back({rows_[i].title + ": failed", std::vector<double>(table.columns.size(), NAN)});
        table.notes.push_back(rows_[i].title + ": " + rows_[i].failure);
      }
  }

  // What this row made comes before what all rows share, which is there once; of other numbers of pictures, once for
  // each of them.
  static void append(Table &table, const Table &own, const Row &from) {
    const std::string system = title_of(from.algorithm);
    const auto is_shared = [&](const std::string &name) {
      return !is_made(name) && name.compare(0, system.size(), system) != 0;
    };
    const auto shared_name = [&](const std::string &name) {
      return name.compare(0, 9, "published") == 0 ? name : name + from.count;
    };
    const auto there = [&](const std::string &name) {
      return std::any_of(table.rows.begin(), table.rows.end(), [&](const Table::Row &row) { return row.name == name; });
    };
    auto at = std::find_if(table.rows.begin(), table.rows.end(), [&](const Table::Row &row) { return row.shared; });
    for (const Table::Row &row : own.rows) {
      if (is_shared(row.name)) continue;
      const std::string rest = is_made(row.name) ? ", " + row.name : row.name.substr(system.size());
      at = table.rows.insert(at, {from.title + rest, row.cells}) + 1;
    }
    for (const Table::Row &row : own.rows)
      if (is_shared(row.name) && !there(shared_name(row.name)))
        table.rows.push_back({shared_name(row.name), row.cells, true});
  }

  std::string file(const std::string &extension) const {
    return options_.out + "/table-" + std::to_string(options_.table) + extension;
  }

  // A sheet of each row's last samples below the numbers.
  std::string sheets() const {
    std::string html;
    for (size_t i = 0; i < done_; ++i) {
      html += "<h2>" + escaped(rows_[i].title) + "</h2>\n";
      if (!rows_[i].failure.empty()) html += "<p>failed: " + escaped(rows_[i].failure) + "</p>\n";
      html += "<div class=\"row\">\n";
      for (const auto &[kind, files] : sheets_of(rows_[i].folder)) {
        const std::string &last = files.rbegin()->second;
        html += "<figure><img alt=\"" + kind + '"' + picture_width(last) + " src=\"" + picture_uri(last) +
                "\"><figcaption>" + kind + "</figcaption></figure>\n";
      }
      html += "</div>\n";
    }
    return html;
  }

  std::vector<Fact> facts() const {
    return {
        {"table", options_.table}, {"data", options_.data}, {"features", options_.features}, {"seed", options_.seed}};
  }

  void write() const {
    const std::vector<Table> all = tables();
    std::string text;
    for (const Table &table : all) text += table_text(table) + "\n";
    write_atomically(file(".txt"), text);
    write_atomically(file(".json"), report_json(facts(), all));
    write_atomically(file(".html"), html_page(paper_.title, "<pre>" + escaped(text) + "</pre>\n" + sheets()));
  }

  const Options &options_;
  const PaperTable &paper_;
  Progress progress_;
  std::vector<Row> rows_;
  size_t done_ = 0;
};

}  // namespace

int make_table(const Options &options) { return TableOfRuns(options).run(); }

}  // namespace coopnets
