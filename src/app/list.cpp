#include "app/list.h"

#include <algorithm>

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

std::string net_text(const Net &net, const Experiment &e, const Settings &s) {
  const std::string name = "'" + net.name + "' (" + net.about + ")";
  return net.role == Net::descriptor ? net_text("descriptor", name, {example_shape(e, s)}, net.function(s))
                                     : net_text("generator", name, net.latent(s), net.function(s));
}

std::string nets_text(const Experiment &e, const Settings &s) {
  const Net &d = find_net(Net::descriptor, s.descriptor), &g = find_net(Net::generator, s.generator);
  return net_text(d, e, s) + net_text(g, e, s);
}

// The nets made for the experiment that none of its presets uses, for pictures of the paper preset's size.
std::string other_nets_text(const Experiment &e) {
  std::string text;
  for (const Net &net : nets()) {
    const bool used = std::any_of(e.presets.begin(), e.presets.end(), [&](const Preset &preset) {
      const Settings s = e.settings(preset.name);
      return net.name == (net.role == Net::descriptor ? s.descriptor : s.generator);
    });
    if (net.experiment != e.name || used) continue;
    text += net_text(net, e, e.settings("paper"));
  }
  return text.empty() ? "" : "  other nets (--set descriptor=NAME generator=NAME)\n" + text;
}

std::string data_text(const Experiment &e) {
  const std::string own = e.default_data.empty() ? "; name it by --data" : ", by default " + e.default_data;
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
  }
  return own;
}

// The rivals, each with its presets.
std::string rivals_text() {
  std::string text = "rivals (--algorithm NAME); those that learn a generator have that of the experiment's preset:\n";
  for (const Rival &rival : rivals()) {
    text += "  " + rival.name + " - " + rival.title + "\n";
    for (const Preset &preset : rival.presets)
      text += "    --preset " + preset.name + " (" + preset.source + ")\n      " + preset.settings + "\n";
  }
  return text + "\n";
}

}  // namespace

std::string list_text(const std::string &experiment) {
  const auto wanted = [&](const std::string &name) { return experiment.empty() || name == experiment; };
  std::string text;
  for (const Experiment &e : experiments()) {
    if (!wanted(e.name)) continue;
    text += e.name + " - experiment " + e.title + "\n  data: " + data_text(e) + "\n";
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
    text += std::string(classifier_name) +
            " - tells categories apart, for the features of --evaluate --features FILE\n" +
            "  data: digits, CIFAR's records, or a folder of folders of pictures, one a category; by default "
            "datasets/digits\n" +
            net_text("classifier", "of ten categories", {{1, 1, c.size, c.size, 3}}, classifier_net(10)) + "\n";
  }
  if (experiment.empty()) text += rivals_text();
  text += "settings (--set name=value ...):\n";
  for (const Field<Settings> &field : setting_fields())
    text += "  " + field.name + std::string(field.name.size() < 22 ? 22 - field.name.size() : 1, ' ') + " " +
            field.help + "\n";
  return text;
}

}  // namespace coopnets
