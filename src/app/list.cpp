#include "app/list.h"

#include <algorithm>

#include "app/json.h"
#include "data/densities.h"
#include "experiments/classifier.h"
#include "experiments/experiment.h"
#include "experiments/nets.h"
#include "rivals/rival.h"

namespace coopnets {

namespace {

std::string net_text(const std::string &what, const std::string &name, const std::vector<Shape> &inputs,
                     const NetFunction &net) {
  std::string text = "    " + what + " " + name + ", from ";
  for (size_t i = 0; i < inputs.size(); ++i) text += (i > 0 ? " and " : "") + inputs[i].str();
  text += "\n";
  for (const std::string &line : sketch(net, what, inputs).lines) text += "      " + line + "\n";
  return text;
}

const char *role_of(const Net &net) { return net.role == Net::descriptor ? "descriptor" : "generator"; }

std::vector<Shape> inputs_of(const Net &net, const Experiment &e, const Settings &s) {
  return net.role == Net::descriptor ? std::vector<Shape>{example_shape(e, s)} : net.latent(s);
}

std::string net_text(const Net &net, const Experiment &e, const Settings &s) {
  return net_text(role_of(net), "'" + net.name + "' (" + net.about + ")", inputs_of(net, e, s), net.function(s));
}

std::string nets_text(const Experiment &e, const Settings &s) {
  const Net &d = find_net(Net::descriptor, s.descriptor), &g = find_net(Net::generator, s.generator);
  return net_text(d, e, s) + net_text(g, e, s);
}

// The nets made for the experiment that none of its presets uses.
std::vector<const Net *> other_nets(const Experiment &e) {
  std::vector<const Net *> others;
  for (const Net &net : nets()) {
    const bool used = std::any_of(e.presets.begin(), e.presets.end(), [&](const Preset &preset) {
      const Settings s = e.settings(preset.name);
      return net.name == (net.role == Net::descriptor ? s.descriptor : s.generator);
    });
    if (net.experiment == e.name && !used) others.push_back(&net);
  }
  return others;
}

// For pictures of the paper preset's size.
std::string other_nets_text(const Experiment &e) {
  std::string text;
  for (const Net *net : other_nets(e)) text += net_text(*net, e, e.settings("paper"));
  return text.empty() ? "" : "  other nets (--set descriptor=NAME generator=NAME)\n" + text;
}

std::string data_text(const Experiment &e) {
  const std::string own = ", by default " + e.default_data;
  switch (e.data) {
    case DataKind::texture:
      return "one picture, or a folder and --category" + own;
    case DataKind::pictures:
      return "a folder of pictures, or of folders of them" + own;
    case DataKind::digits:
      return "idx files (MNIST, Fashion-MNIST), plain or .gz, or a folder of pictures" + own;
    case DataKind::cifar:
      return "CIFAR binary records, or a folder of pictures" + own;
    case DataKind::video:
      return "an animated GIF or PNG, a folder of frames, a video (through ffmpeg), or a folder of these" + own;
    case DataKind::points:
      return "none: points that are drawn from --set density=" + either(density_names());
  }
  return own;
}

std::string rival_text(const Rival &rival) {
  std::string text = "  " + rival.name + " - " + rival.title + "\n";
  for (const Preset &preset : rival.presets) {
    std::string experiments = preset.experiment;
    std::replace(experiments.begin(), experiments.end(), ' ', '|');
    text += "    " + (experiments.empty() ? "" : "--exp " + experiments + ' ') + "--preset " + preset.name + " (" +
            preset.source + ")\n      " + preset.settings + "\n";
  }
  return text + "    uses " + rival.uses + "\n";
}

// Those that are listed with an experiment: all with all, else the one that it is learned by.
std::vector<const Rival *> listed_rivals(const std::string &experiment) {
  std::vector<const Rival *> listed;
  for (const Rival &rival : rivals())
    if (experiment.empty() || (experiment != classifier_name && find_experiment(experiment).learned_by == rival.name))
      listed.push_back(&rival);
  return listed;
}

// Each with its presets.
std::string rivals_text(const std::vector<const Rival *> &listed) {
  if (listed.empty()) return "";
  std::string text =
      "rivals (--algorithm NAME), each with those of its settings that not every algorithm uses; those that learn a "
      "generator have that of the experiment's preset:\n";
  for (const Rival *rival : listed) text += rival_text(*rival);
  return text + "\n";
}

constexpr char classifier_about[] = "tells categories apart, for the features of --evaluate --features FILE";
constexpr char classifier_data[] =
    "digits, CIFAR's records, or a folder of folders of pictures, one a category; by default datasets/digits";

}  // namespace

std::string list_text(const std::string &experiment) {
  const auto wanted = [&](const std::string &name) { return experiment.empty() || name == experiment; };
  std::string text;
  for (const Experiment &e : experiments()) {
    if (!wanted(e.name)) continue;
    text += e.name + " - experiment " + e.title + "\n  data: " + data_text(e) + "\n";
    if (e.learned_by != "cooperative")
      text += "  learned by " + e.learned_by +
              ", unless --algorithm or --preset paper say otherwise: its presets are below\n";
    for (const Preset &preset : e.presets) {
      const Settings s = e.settings(preset.name);
      text += "  --preset " + preset.name + " (" + preset.source + ")\n" + nets_text(e, s) + "    settings:";
      size_t column = 80;
      for (const Field<Settings> &field : setting_fields()) {
        const std::string item = field.name + "=" + s.get(field.name);
        if (field.name == "descriptor" || field.name == "generator" || s.get(field.name).empty()) continue;
        if (column + item.size() + 1 > 80) {
          text += "\n     ";
          column = 5;
        }
        text += " " + item;
        column += item.size() + 1;
      }
      text += "\n";
    }
    text += other_nets_text(e) + "\n";
  }
  if (wanted(classifier_name)) {
    const Settings c = classifier_settings();
    text += std::string(classifier_name) + " - " + classifier_about + "\n  data: " + classifier_data + "\n" +
            net_text("classifier", "of ten categories", {{1, 1, c.size, c.size, 3}}, classifier_net(10)) + "\n";
  }
  text += rivals_text(listed_rivals(experiment));
  text += "settings (--set name=value ...):\n";
  for (const Field<Settings> &field : setting_fields())
    text += "  " + field.name + std::string(field.name.size() < 22 ? 22 - field.name.size() : 1, ' ') + " " +
            field.help + "\n";
  return text;
}

namespace {

std::string net_json(const std::string &name, const std::string &about, const std::string &role,
                     const std::vector<Shape> &inputs, const NetFunction &net) {
  std::vector<std::string> from, layers;
  for (const Shape &shape : inputs) from.push_back(json_text(shape.str()));
  for (const std::string &line : sketch(net, role, inputs).lines) layers.push_back(json_text(line));
  JsonObject object;
  if (!name.empty()) object.text("name", name);
  return object.text("about", about).json("inputs", json_list(from)).json("layers", json_list(layers)).str();
}

std::string net_json(const Net &net, const Experiment &e, const Settings &s) {
  return net_json(net.name, net.about, role_of(net), inputs_of(net, e, s), net.function(s));
}

std::string settings_json(const Settings &s) {
  JsonObject object;
  for (const Field<Settings> &field : setting_fields()) {
    const bool text = std::holds_alternative<std::string Settings::*>(field.member);
    object.json(field.name, text ? json_text(s.get(field.name)) : s.get(field.name));
  }
  return object.str();
}

std::string experiment_json(const Experiment &e) {
  std::vector<std::string> presets, others;
  for (const Preset &preset : e.presets) {
    const Settings s = e.settings(preset.name);
    JsonObject object;
    object.text("name", preset.name).text("source", preset.source);
    object.json("descriptor", net_json(find_net(Net::descriptor, s.descriptor), e, s));
    object.json("generator", net_json(find_net(Net::generator, s.generator), e, s));
    presets.push_back(object.json("settings", settings_json(s)).str());
  }
  for (const Net *net : other_nets(e)) others.push_back(net_json(*net, e, e.settings("paper")));
  JsonObject object;
  object.text("name", e.name).text("title", e.title).text("data", data_text(e)).text("learned_by", e.learned_by);
  return object.json("presets", json_list(presets)).json("other_nets", json_list(others)).str();
}

std::string classifier_json() {
  const Settings c = classifier_settings();
  const std::string net =
      net_json("", "of ten categories", "classifier", {{1, 1, c.size, c.size, 3}}, classifier_net(10));
  JsonObject object;
  object.text("name", classifier_name).text("title", classifier_about).text("data", classifier_data);
  return object.json("classifier", net).json("settings", settings_json(c)).str();
}

std::string rival_json(const Rival &rival) {
  std::vector<std::string> presets;
  for (const Preset &preset : rival.presets) {
    JsonObject object;
    object.text("name", preset.name).text("source", preset.source).text("settings", preset.settings);
    if (!preset.experiment.empty()) object.text("experiment", preset.experiment);
    presets.push_back(object.str());
  }
  JsonObject object;
  return object.text("name", rival.name)
      .text("title", rival.title)
      .text("uses", rival.uses)
      .json("presets", json_list(presets))
      .str();
}

}  // namespace

std::string list_json(const std::string &experiment) {
  const auto wanted = [&](const std::string &name) { return experiment.empty() || name == experiment; };
  std::vector<std::string> all, competitors, settings;
  for (const Experiment &e : experiments())
    if (wanted(e.name)) all.push_back(experiment_json(e));
  if (wanted(classifier_name)) all.push_back(classifier_json());
  for (const Rival *rival : listed_rivals(experiment)) competitors.push_back(rival_json(*rival));
  for (const Field<Settings> &field : setting_fields()) {
    JsonObject object;
    object.text("name", field.name).text("takes", expectation(field)).text("help", field.help);
    settings.push_back(object.str());
  }
  JsonObject object;
  object.json("experiments", json_list(all)).json("rivals", json_list(competitors));
  return object.json("settings", json_list(settings)).str() + '\n';
}

}  // namespace coopnets
