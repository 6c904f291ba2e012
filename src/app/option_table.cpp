#include "app/option_table.h"

namespace coopnets {

namespace {

constexpr bool recorded = true;
constexpr double any = 9.3e18;  // beyond every int64_t

struct Builder {
  std::vector<Option> rows;
  std::string group;

  void flag(const char *name, bool Options::*member, const char *help) {
    rows.push_back({{name, member, help, 0, 0, {}}, group, "", false});
  }
  void text(const char *name, const char *value, std::string Options::*member, std::vector<std::string> choices,
            const char *help, bool in_config = false) {
    rows.push_back({{name, member, help, 0, 0, std::move(choices)}, group, value, in_config});
  }
  void number(const char *name, const char *value, int64_t Options::*member, double least, double most,
              const char *help, bool in_config = false) {
    rows.push_back({{name, member, help, least, most, {}}, group, value, in_config});
  }
};

void add_what_to_do(Builder &add, const Vocabulary &names) {
  add.group = "What to do";
  add.text("exp", "NAME", &Options::experiment, names.experiments, "the experiment; alone, it trains", recorded);
  add.number("sample", "N", &Options::sample, 1, 1e9, "make N new samples from a checkpoint");
  add.flag("interpolate", &Options::interpolate, "walk between latent vectors of a checkpoint");
  add.flag("complete", &Options::complete,
           "fill the hidden part of pictures, or of the PICTURE, or folder of pictures, that follows, at its own size");
  add.flag("evaluate", &Options::evaluate, "compute the measures of the paper's tables");
  add.number("table", "N", &Options::table, 1, 4,
             "learn and evaluate every row of the paper's Table N that is missing, and print it");
  add.text("compare", "FOLDER", &Options::compare, {},
           "score its pictures against those of --data, or --statistics, by the net of --features");
  add.text("bench", "NAME", &Options::bench, names.benchmarks,
           "time a net's learning iteration, one JSON line a net; or one convolution, step by step from naive to fast");
  add.flag("profile", &Options::profile,
           "with --bench: where the time goes, by step, layer and operation, beside the machine's measured peak");
  add.flag("list", &Options::list, "print every experiment, or that of --exp, with its data, nets and settings");
  add.flag("help", &Options::help, "print this");
  add.flag("version", &Options::version, "print the version and what was built in");
  add.flag("man", &Options::man, "print the manual page");
  add.text("completion", "SHELL", &Options::completion, {"bash", "zsh"},
           "print what makes bash or zsh complete these options");
}

void add_training(Builder &add, const Vocabulary &names) {
  add.group = "Training";
  add.text("data", "PATH", &Options::data, {}, "a file or folder to learn from", recorded);
  add.text("preset", "NAME", &Options::preset, names.presets,
           "quick (a CPU's default), paper (a GPU's) or what else --list has, which says who published each, or that "
           "it is ours",
           recorded);
  add.number("iterations", "N", &Options::iterations, 1, any, "learning iterations of the whole run (the preset's)");
  add.number("seed", "N", &Options::seed, 0, any, "the same seed gives the same run (1)", recorded);
  add.text(
      "algorithm", "NAME", &Options::algorithm, names.algorithms,
      "both nets (cooperative), one alone (descriptor, persistent-cd or generator), or a rival, whose presets are its "
      "own (cooperative; for textures, digits and clips cdrl, but for the preset paper)",
      recorded);
  add.text("category", "NAME", &Options::category, {}, "what to learn where the data holds several categories");
  add.text("set", "NAME=VALUE ...", nullptr, {}, "change settings; --list names them");  // see Options::settings
  add.text("config", "FILE", &Options::config, {},
           "begin from the config.txt of an earlier run, or from a picture of it");
}

void add_folder(Builder &add) {
  add.group = "The run's folder, OUT/EXPERIMENT/NAME";
  add.text("out", "DIR", &Options::out, {}, "where runs are kept (output)", recorded);
  add.text("name", "NAME", &Options::name, {}, "the run's own name", recorded);
  add.flag("resume", &Options::resume, "continue from the run's checkpoint");
  add.flag("overwrite", &Options::overwrite, "replace the run of that name");
  add.flag("dry-run", &Options::dry_run,
           "say what would be read, learned and written, and how long it takes; write nothing");
}

void add_printing(Builder &add) {
  add.group = "What is printed";
  add.flag("quiet", &Options::quiet, "print warnings and errors alone");
  add.text("log", "KIND", &Options::log, {"text", "json"},
           "progress as text (the default), or as json: an object a line on standard output, and all else on standard "
           "error");
  add.flag("json", &Options::json,
           "print what --list, --evaluate, --table, --compare, --profile or --bench convolution has to say as JSON, "
           "alone on standard output");
}

void add_machine(Builder &add) {
  add.group = machine_group;
  add.text("device", "NAME", &Options::device, {}, "auto (a GPU where one answers), cpu, cuda or cuda:INDEX", recorded);
  add.text("precision", "NAME", &Options::precision, {"fp32", "tf32", "bf16", "tf32x3"},
           "of the convolutions on a GPU: fp32 (exact), tf32, bf16, or tf32x3 (nearly exact)", recorded);
  add.number("threads", "N", &Options::threads, 1, 4096, "CPU threads (all); no result depends on it", recorded);
}

void add_checkpoint(Builder &add) {
  add.group = "From a checkpoint";
  add.text("checkpoint", "FILE", &Options::checkpoint, {}, "the trained nets, instead of those in the run's folder");
  add.text("size", "HxW", &Options::size, {}, "rows and columns of the samples, or one number for both");
  add.number("frames", "T", &Options::frames, 1, 65536,
             "frames of the samples (as many as a training clip has, or 32 of --algorithm cdrl)");
  add.text("save", "KIND", &Options::save, {},
           "samples as png pictures (the default), as one npy array, or one sample as the picture FILE.png");
  add.text("mask", "FILE", &Options::mask, {},
           "picture whose white pixels are hidden, to complete, or a folder of them, each named as its picture");
}

void add_evaluation(Builder &add) {
  add.group = "Evaluation";
  add.text("features", "FILE", &Options::features, {}, "weights of the net whose features are compared");
  add.text("statistics", "FILE", &Options::statistics, {},
           "mean and covariance of features (.npz with mu and sigma) for a FID to them");
  add.number("samples", "N", &Options::samples, 1, 1e9, "samples to draw (10000)");
  add.number("splits", "N", &Options::splits, 1, 1e6, "parts that give a score its standard deviation (10)");
  add.text("rows", "NAME,...", &Options::rows, {}, "the rows of --table, as --algorithm has them (all of the table)");
  add.text(
      "counts", "N,...", &Options::counts, {},
      "learn so many pictures of each category in turn, as Table 1 does, with ten times as many samples; the measures "
      "over these numbers are drawn as curves");
  add.text("seeds", "N,...", &Options::seeds, {},
           "learn each row of --table by each of these seeds, and show their mean and how far they spread");
}

}  // namespace

std::vector<Option> option_table(const Vocabulary &names) {
  Builder add;
  add_what_to_do(add, names);
  add_training(add, names);
  add_folder(add);
  add_printing(add);
  add_machine(add);
  add_checkpoint(add);
  add_evaluation(add);
  return add.rows;
}

std::string shown_value(const Option &option) { return option.field.name == "complete" ? "[PICTURE]" : option.value; }

}  // namespace coopnets
