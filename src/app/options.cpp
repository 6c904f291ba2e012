#include "app/options.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "app/option_table.h"
#include "app/picture_texts.h"
#include "data/png_chunks.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr char settings_heading[] = "[settings]", data_at[] = "data_at";

const Option *find(const std::vector<Option> &table, const std::string &name) {
  for (const Option &option : table)
    if (option.field.name == name) return &option;
  return nullptr;
}

[[noreturn]] void refuse_unknown(const std::vector<Option> &table, const std::string &typed, const std::string &name) {
  std::string setting = name;
  std::replace(setting.begin(), setting.end(), '-', '_');
  std::vector<std::string> names;
  for (const Field<Settings> &field : setting_fields())
    if (field.name == setting)
      throw UsageError("there is no option " + typed + ", but a setting: --set " + setting + "=VALUE");
  for (const Option &option : table) names.push_back(option.field.name);
  throw UsageError("there is no option " + typed + did_you_mean(name, names, "--"));
}

// "auto", "cpu", "cuda" or "cuda:0".
bool is_device(const std::string &text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (text.compare(0, 5, "cuda:") != 0) return false;
  const std::optional<int64_t> index = parse_integer(text.substr(5));
  return index && *index >= 0 && *index < 1024;
}

// What the table's ranges and choices cannot say about one value.
void check_value(const std::string &name, const std::string &shown, const std::string &value) {
  const auto refuse = [&](const std::string &takes) {
    throw UsageError(shown + " takes " + takes + ", not " + quoted(value));
  };
  if (value.empty()) refuse("a value");
  if (name == "device" && !is_device(value)) refuse("auto, cpu, cuda or cuda:INDEX");
  if (name == "size" && !parse_size(value))
    refuse("rows x columns, each from 1 to 65536, such as 480x640, or one number for both");
  const bool png_file = value.size() > 4 && value.compare(value.size() - 4, 4, ".png") == 0;
  if (name == "save" && value != "png" && value != "npy" && !png_file) refuse("png, npy or the name of a FILE.png");
  if (name == "name" && (value.find('/') != std::string::npos || value == "." || value == ".."))
    refuse("the name of a folder, without slashes");
}

// `shown` is how the user wrote the option: "--seed", or a line of a config file.
void set_option(const Option &option, Options &options, const std::string &value, const std::string &shown) {
  if (!option.value.empty()) check_value(option.field.name, shown, value);
  try {
    assign(option.field, options, value, shown);
  } catch (const std::invalid_argument &error) {
    throw UsageError(error.what());
  }
  options.given.insert(option.field.name);
}

void set_setting(Options &options, const std::string &text, const std::string &where) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw UsageError(where + "--set takes name=value, not " + quoted(text));
  const std::string name(trim(text.substr(0, equals))), value(trim(text.substr(equals + 1)));
  try {
    Settings().set(name, value);
  } catch (const std::invalid_argument &error) {
    throw UsageError(where + error.what());
  }
  options.settings.emplace_back(name, value);
  options.given.insert("set");
}

void read_config(const std::vector<Option> &table, Options &options, const std::string &path, bool with_machine) {
  std::string text = begins_as_png(path) ? config_of_picture(path) : read_file(path, 1 << 20);
  constexpr char byte_order_mark[] = "\xEF\xBB\xBF";  // which some editors put first
  if (text.compare(0, 3, byte_order_mark) == 0) text.erase(0, 3);
  bool in_settings = false;
  int number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line(trim(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
    const std::string where = path + ", line " + std::to_string(++number) + ": ";
    if (line.empty() || line[0] == '#') continue;
    if (line == settings_heading) {
      in_settings = true;
      continue;
    }
    if (in_settings) {
      set_setting(options, line, where);
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string::npos) throw UsageError(where + "expected name=value, not " + quoted(line));
    const std::string name(trim(line.substr(0, equals)));
    if (name == data_at) {
      options.data_at = trim(line.substr(equals + 1));
      continue;
    }
    const Option *option = find(table, name);
    if (!option) {
      std::vector<std::string> names;
      for (const Option &row : table)
        if (row.recorded) names.push_back(row.field.name);
      throw UsageError(where + "there is no option " + quoted(name) + did_you_mean(name, names));
    }
    if (!option->recorded) throw UsageError(where + "the option " + name + " belongs on the command line");
    Options unused;
    const bool wanted = with_machine || option->group != machine_group;
    set_option(*option, wanted ? options : unused, std::string(trim(line.substr(equals + 1))), where + name);
  }
}

// The data of a config.txt that is read in another folder than its run was made in.
void find_data_of_config(Options &options) {
  const bool named = options.from_config.count("data") > 0 && !options.data_at.empty();
  if (named && access(options.data.c_str(), F_OK) != 0 && access(options.data_at.c_str(), F_OK) == 0)
    options.data = options.data_at;
}

// A picture names its data without their folder.
void require_data_of_picture(const Options &options) {
  const bool named = options.from_config.count("data") > 0 && begins_as_png(options.config);
  if (!named || access(options.data.c_str(), F_OK) == 0) return;
  throw UsageError("the picture " + options.config + " comes from a run on " + quoted(options.data) +
                   ", whose folder it does not name: --data PATH says where that is");
}

// One option with the values it took, as typed.
struct Typed {
  const Option *option;
  std::vector<std::string> values;
};

bool is_option(const std::string &argument) {
  return argument.size() > 1 && argument[0] == '-' && !parse_number(argument);
}

std::vector<Typed> tokens(const std::vector<std::string> &arguments, const std::vector<Option> &table,
                          const Vocabulary &names) {
  std::vector<Typed> out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (!is_option(argument)) {
      const std::string hint = did_you_mean(argument, names.experiments, "--exp ");
      throw UsageError(quoted(argument) + " does not belong to any option" +
                       (hint.empty() ? "; coopnets --help explains them" : hint));
    }
    const size_t equals = argument.find('=');
    const std::string typed = argument.substr(0, equals);
    const std::string name =
        typed == "-h" ? "help" : typed.substr(std::min(typed.find_first_not_of('-'), typed.size()));
    const bool dashed = typed == "-h" || typed.compare(0, 2, "--") == 0;
    const Option *option = dashed ? find(table, name) : nullptr;
    if (!option) refuse_unknown(table, typed, name);
    const bool has_next = i + 1 < arguments.size() && !is_option(arguments[i + 1]);
    Typed token = {option, {}};
    if (equals != std::string::npos) {
      if (option->value.empty() && name != "complete") throw UsageError(typed + " takes no value");
      token.values = {argument.substr(equals + 1)};
    } else if (option->value.empty()) {
      if (name == "complete" && has_next) token.values = {arguments[++i]};
    } else {
      if (!has_next) throw UsageError(typed + " needs a value: " + typed + ' ' + option->value);
      token.values = {arguments[++i]};
    }
    if (name == "set")
      while (i + 1 < arguments.size() && !is_option(arguments[i + 1])) token.values.push_back(arguments[++i]);
    out.push_back(token);
  }
  return out;
}

// Throws unless at most one of these was given.
void exclude(const Options &options, const std::vector<std::string> &names) {
  std::string first;
  for (const std::string &name : names) {
    if (!options.is_given(name)) continue;
    if (!first.empty()) throw UsageError("--" + first + " and --" + name + " exclude each other");
    first = name;
  }
}

// Throws if `name` was given without one of those that it serves.
void needs(const Options &options, const std::string &name, const std::vector<std::string> &served,
           const std::string &hint = "") {
  if (!options.is_given(name)) return;
  std::vector<std::string> shown;
  for (const std::string &other : served) {
    if (options.is_given(other)) return;
    shown.push_back("--" + other);
  }
  throw UsageError("--" + name + " goes with " + either(shown) + hint);
}

// Options that an action has no use for, as typed; a config file that it reads may hold them.
void refuse_useless(const Options &options, const std::set<std::string> &typed) {
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> useless = {
      {{"bench"}, {"data", "preset", "seed", "algorithm", "category", "config", "out", "name", "log"}},
      {{"compare"}, {"preset", "iterations", "algorithm", "category", "config", "name", "set"}},
      {{"sample", "interpolate", "complete"}, {"preset", "iterations", "algorithm"}},
      {{"table"}, {"algorithm", "name", "resume", "overwrite", "config"}},
      {{"evaluate"}, {"iterations", "algorithm"}}};  // the rivals of a video need a preset and no run
  for (const auto &[actions, names] : useless)
    for (const std::string &action : actions)
      for (const std::string &name : names)
        if (options.is_given(action) && typed.count(name))
          throw UsageError("--" + name + " does nothing beside --" + action +
                           (action == "bench" || action == "compare" || action == "table"
                                ? ""
                                : ": leave it out, what was learned has its own"));
}

void check_combination(const Options &options) {
  exclude(options, {"sample", "interpolate", "complete", "evaluate", "compare", "bench", "table", "list", "dry-run"});
  exclude(options, {"resume", "overwrite"});
  exclude(options, {"dry-run", "resume"});
  exclude(options, {"dry-run", "quiet"});
  exclude(options, {"exp", "compare", "bench"});
  exclude(options, {"seed", "seeds"});
  for (const char *action : {"sample", "interpolate", "complete", "evaluate", "compare", "bench"})
    for (const char *of_training : {"resume", "overwrite"}) exclude(options, {action, of_training});
  needs(options, "checkpoint", {"sample", "interpolate", "complete", "evaluate"}, "; --resume continues a run");
  for (const char *name : {"size", "frames", "save"}) needs(options, name, {"sample"});
  if (options.sample > 1 && options.save != "png" && options.save != "npy")
    throw UsageError("--save " + options.save + " takes one sample, and --sample asks for " +
                     std::to_string(options.sample) + ": --save png writes a file of each");
  needs(options, "mask", {"complete", "evaluate"});
  for (const char *name : {"features", "samples", "splits"}) needs(options, name, {"evaluate", "compare", "table"});
  for (const char *name : {"rows", "counts", "seeds"}) needs(options, name, {"table"});
  needs(options, "profile", {"bench"});
  if (options.json && options.bench == "all")
    throw UsageError("--json shows the profile of one net: --bench digits --profile --json, say");
  if (options.bench != "convolution") needs(options, "json", {"list", "evaluate", "table", "compare", "profile"});
  needs(options, "compare", {"features"}, ", the net that looks at the pictures");
  needs(options, "compare", {"data", "statistics"}, ", what they are compared with");
  needs(options, "statistics", {"features"}, ", the net that they were made by");
  if (options.device == "cpu" && !options.precision.empty() && options.precision != "fp32")
    throw UsageError(as_given(options, "precision", options.precision) + " needs a GPU; the CPU computes in fp32");
  if (options.experiment.empty() && options.bench.empty() && options.compare.empty() && options.table == 0 &&
      !options.list)
    throw UsageError("nothing to do: name an experiment by --exp NAME; --list shows them, --help explains the options");
}

}  // namespace

Options parse_options(const std::vector<std::string> &arguments, const Vocabulary &names) {
  const std::vector<Option> table = option_table(names);
  const std::vector<Typed> typed = tokens(arguments, table, names);
  Options options;
  std::set<std::string> names_typed;
  for (const Typed &token : typed) {
    const std::string &name = token.option->field.name;
    if (!names_typed.insert(name).second && name != "set")
      throw UsageError("--" + name + " is given twice: which one counts cannot be told");
  }
  const std::set<std::string> uses = {"sample", "interpolate", "complete", "evaluate"};  // a trained model
  const bool runs = std::none_of(uses.begin(), uses.end(), [&](const auto &name) { return names_typed.count(name); });
  for (const Typed &token : typed)
    if (token.option->field.name == "config") read_config(table, options, token.values[0], runs);
  std::set_difference(options.given.begin(), options.given.end(), names_typed.begin(), names_typed.end(),
                      std::inserter(options.from_config, options.from_config.begin()));
  const bool has_settings = !options.settings.empty();  // in the file: every one, so that no preset counts any more
  const std::string preset = options.preset;
  for (const auto &[option, values] : typed) {
    const std::string &name = option->field.name, shown = "--" + name;
    if (name == "set") {
      for (const std::string &value : values) set_setting(options, value, "");
    } else if (option->value.empty()) {
      set_option(*option, options, "true", shown);
      if (!values.empty()) check_value(name, shown, options.picture = values[0]);
    } else {
      set_option(*option, options, values[0], shown);
    }
  }
  if (options.help || options.version || options.man || !options.completion.empty()) return options;
  if (has_settings && options.preset != preset)
    throw UsageError("--preset " + options.preset + " would do nothing: " + options.config + " holds every setting" +
                     (preset.empty() ? "" : ", of the preset " + preset));
  find_data_of_config(options);
  check_combination(options);
  refuse_useless(options, names_typed);
  if (runs || options.evaluate || options.complete) require_data_of_picture(options);
  return options;
}

std::string as_given(const Options &options, const std::string &option, const std::string &value) {
  if (!options.from_config.count(option)) return "--" + option + ' ' + value;
  return option + '=' + value + " of " + options.config + " (--" + option + " changes it)";
}

bool Options::sets(const std::string &setting) const {
  return std::any_of(settings.begin(), settings.end(), [&](const auto &one) { return one.first == setting; });
}

Settings settings_of(const Options &options, Settings preset) {
  for (const auto &[name, value] : options.settings) preset.set(name, value);
  if (options.iterations > 0) preset.set("iterations", std::to_string(options.iterations));
  if (!options.category.empty()) preset.category = options.category;
  return preset;
}

std::string config_text(const Options &options, const Settings &settings) {
  std::string text = "# coopnets --config THIS_FILE --name ANOTHER repeats this run.\n";
  for (const Option &option : option_table({})) {
    const std::string value = option.recorded ? print(option.field, options) : "";
    const bool chosen = !value.empty() && !(option.field.name == "threads" && options.threads == 0);
    if (chosen) text += option.field.name + '=' + value + '\n';
    if (chosen && option.field.name == "data" && !options.data_at.empty())
      text += data_at + ('=' + options.data_at) + '\n';
  }
  return text + settings_heading + '\n' + print(settings);
}

namespace {

// Words of `text` filled into lines of 80 columns that begin at column `indent`, the first one where the caller stands.
std::string filled(const std::string &text, size_t indent) {
  std::string out;
  size_t column = indent;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (column > indent && column + 1 + (end - begin) > 80) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ', ++column;
    }
    out += text.substr(begin, end - begin);
    column += end - begin;
    begin = end + 1;
  }
  return out + '\n';
}

}  // namespace

std::string help_text(const Vocabulary &names) {
  constexpr size_t indent = 26;
  std::string text =
      "coopnets trains a descriptor (an energy-based model) and a generator together.\n\n"
      "  coopnets --exp texture                             train\n"
      "  coopnets --exp texture --sample 4 --size 512x768   use what was learned\n"
      "  coopnets --list                                    see what there is\n";
  std::string group;
  for (const Option &option : option_table(names)) {
    if (option.group != group) text += '\n' + (group = option.group) + '\n';
    const std::string &name = option.field.name;
    const std::string value = shown_value(option);
    std::string left = "  --" + name + (value.empty() ? "" : " " + value);
    left += left.size() + 2 > indent ? '\n' + std::string(indent, ' ') : std::string(indent - left.size(), ' ');
    const bool listed = name == "exp" || name == "bench";
    text += left + filled(option.field.help + (listed ? ": " + either(option.field.choices) : ""), indent);
  }
  return text;
}

}  // namespace coopnets
