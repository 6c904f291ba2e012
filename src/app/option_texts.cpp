#include "app/option_texts.h"

#include <algorithm>

#include "app/option_table.h"
#include "app/picture_texts.h"

namespace coopnets {

namespace {

// What stands behind an option.
enum class Completed { none, choices, settings, files, folders, own };

Completed words_of(const Option &option) {
  const std::string &name = option.field.name, &value = option.value;
  if (name == "set") return Completed::settings;
  if (!option.field.choices.empty()) return Completed::choices;
  if (name == "complete" || value == "FILE" || value == "PATH") return Completed::files;
  if (value == "DIR" || value == "FOLDER") return Completed::folders;
  return value.empty() ? Completed::none : Completed::own;
}

std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string setting_names() {
  std::vector<std::string> names;
  for (const Field<Settings> &field : setting_fields()) names.push_back(field.name);
  return joined(names);
}

// The commands that fill COMPREPLY.
std::string bash_reply(const Option &option) {
  switch (words_of(option)) {
    case Completed::none:
      return "";
    case Completed::choices:
      return "mapfile -t COMPREPLY < <(compgen -W '" + joined(option.field.choices) + "' -- \"$cur\")";
    case Completed::settings:
      return "[[ $cur == = || $prev == = ]] || mapfile -t COMPREPLY < <(compgen -S = -W '" + setting_names() +
             "' -- \"$cur\"); compopt -o nospace";
    case Completed::files:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
    case Completed::folders:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
    case Completed::own:
      return ":";
  }
  return "";
}

// Bash takes "=" for a word of its own.
std::string bash_text(const std::vector<Option> &table) {
  std::string cases, all;
  for (const Option &option : table) {
    const std::string reply = bash_reply(option);
    all += (all.empty() ? "--" : " --") + option.field.name;
    if (!reply.empty()) cases += "      --" + option.field.name + ") " + reply + "; return ;;\n";
  }
  return "# Completion of coopnets for bash, made by coopnets --completion bash.\n"
         "_coopnets() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} option= i\n"
         "  COMPREPLY=()\n"
         "  for ((i = COMP_CWORD - 1; i > 0; --i)); do\n"
         "    if [[ ${COMP_WORDS[i]} == --* ]]; then option=${COMP_WORDS[i]}; break; fi\n"
         "  done\n"
         "  local behind=$((COMP_CWORD - i))\n"
         "  if [[ $option != --set ]]; then\n"
         "    [[ $prev == = ]] && behind=$((behind - 1))\n"
         "    [[ $cur == = ]] && cur=\n"
         "  fi\n"
         "  if [[ $cur != -* && ( $option == --set || $behind -eq 1 ) ]]; then\n"
         "    case $option in\n" +
         cases +
         "    esac\n"
         "  fi\n"
         "  mapfile -t COMPREPLY < <(compgen -W '" +
         all +
         "' -- \"$cur\")\n"
         "}\n"
         "complete -F _coopnets coopnets\n";
}

// Inside '...[...]' of _arguments: brackets, colons and quotes have meanings.
std::string zsh_explanation(const std::string &help) {
  std::string text;
  for (const char c : help) {
    if (c == '\'')
      text += "'\\''";
    else if (c == '[' || c == ']')
      text += c == '[' ? '(' : ')';
    else if (c == ':')
      text += ',';
    else
      text += c;
  }
  return text;
}

std::string zsh_action(const Option &option) {
  const std::string value = zsh_explanation(option.value.empty() ? "PICTURE" : option.value);
  switch (words_of(option)) {
    case Completed::none:
      return "";
    case Completed::choices:
      return ':' + value + ":(" + joined(option.field.choices) + ')';
    case Completed::settings:
      return ':' + value + ":_coopnets_settings";
    case Completed::files:
      return (option.value.empty() ? "::" : ":") + value + ":_files";
    case Completed::folders:
      return ':' + value + ":_files -/";
    case Completed::own:
      return ':' + value + ": ";
  }
  return "";
}

std::string zsh_text(const std::vector<Option> &table) {
  std::string text =
      "#compdef coopnets\n"
      "# Completion of coopnets for zsh, made by coopnets --completion zsh.\n"
      "_coopnets_settings() { compadd -S = -- " +
      setting_names() +
      "; }\n"
      "_arguments";
  for (const Option &option : table)
    text += " \\\n  '" + std::string(option.field.name == "set" ? "*" : "") + "--" + option.field.name +
            (option.value.empty() ? "[" : "=[") + zsh_explanation(option.field.help) + ']' + zsh_action(option) + '\'';
  return text + " \\\n  '*:setting:_coopnets_settings'\n";  // --set takes several
}

// A text in roff: hyphens that can be copied, no line that is taken for a request.
std::string roff(const std::string &text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return !out.empty() && (out[0] == '.' || out[0] == '\'') ? "\\&" + out : out;
}

std::string entry(const std::string &name, const std::string &value, const std::string &help) {
  return ".TP\n\\fB" + roff(name) + "\\fR" + (value.empty() ? "" : " \\fI" + roff(value) + "\\fR") + '\n' + roff(help) +
         '\n';
}

}  // namespace

std::string completion_text(const std::string &shell, const Vocabulary &names) {
  const std::vector<Option> table = option_table(names);
  return shell == "zsh" ? zsh_text(table) : bash_text(table);
}

std::string man_text(const Vocabulary &names) {
  std::string text = ".TH COOPNETS 1 \"\" \"" + std::string(program_version) +
                     "\" \"User Commands\"\n"
                     ".SH NAME\ncoopnets \\- cooperative training of descriptor and generator networks\n"
                     ".SH SYNOPSIS\n.B coopnets\n\\fB\\-\\-exp\\fR \\fINAME\\fR [\\fIoption\\fR ...]\n"
                     ".SH DESCRIPTION\n"
                     "A descriptor is an energy\\-based model, a generator a latent\\-variable model.\n"
                     "The generator makes pictures, the descriptor revises them by Langevin dynamics, and each learns "
                     "from the revision.\n"
                     "A run keeps all it makes in the folder OUT/EXPERIMENT/NAME.\n"
                     ".SH OPTIONS\n";
  std::string group;
  for (const Option &option : option_table(names)) {
    if (option.group != group) text += ".SS " + roff(group = option.group) + '\n';
    const bool listed = words_of(option) == Completed::choices;
    text += entry("--" + option.field.name, shown_value(option),
                  option.field.help + (listed ? ": " + either(option.field.choices) : ""));
  }
  text += ".SH SETTINGS\nOf \\fB\\-\\-set\\fR; \\fB\\-\\-list\\fR tells those of each preset.\n";
  for (const Field<Settings> &field : setting_fields()) text += entry(field.name, "", field.help);
  text += ".SH EXIT STATUS\n";
  text += entry("0", "", "all is done") + entry("1", "", "it failed, and one sentence says why");
  text += entry("2", "", "the command line is wrong") + entry("130", "", "it was interrupted; --resume goes on");
  text += ".SH ENVIRONMENT\n" + entry("NO_COLOR", "", "where it is set, nothing is coloured");
  text += ".SH EXAMPLES\n.nf\n";
  for (const char *line :
       {"coopnets --exp texture", "coopnets --exp texture --sample 4 --size 512x768", "coopnets --list --exp texture"})
    text += roff(line) + '\n';
  return text + ".fi\n";
}

}  // namespace coopnets
