#include "app/list.h"

#include "cpu/cpu.h"
#include "experiments/classifier.h"
#include "experiments/experiment.h"
#include "nets/network.h"

namespace coopnets {

namespace {

std::string net_text(const std::string &what, const std::string &name, const Shape &input,
                     const std::vector<Layer> &layers) {
  std::string text = "    " + what + " '" + name + "', from " + input.str() + "\n";
  for (const std::string &line : describe(input, layers)) text += "      " + line + "\n";
  return text;
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
      return "an animated GIF, a folder of frames, a video (through ffmpeg), or a folder of these" + own;
  }
  return own;
}

}  // namespace

std::string list_text(const std::string &experiment) {
  const auto wanted = [&](const std::string &name) { return experiment.empty() || name == experiment; };
  std::string text;
  for (const Experiment &e : experiments()) {
    if (!wanted(e.name)) continue;
    text += e.name + " - experiment " + e.title + "\n  data: " + data_text(e) + "\n";
    for (const char *preset : {"quick", "paper"}) {
      const Settings s = e.settings(preset);
      text += std::string("  --preset ") + preset + "\n" +
              net_text("descriptor", s.descriptor, example_shape(e, s), e.descriptor(s)) +
              net_text("generator", s.generator, e.latent(s), e.generator(s)) + "    settings:";
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
    text += "\n";
  }
  if (wanted(classifier_name)) {
    const Settings c = classifier_settings();
    text += std::string(classifier_name) +
            " - tells categories apart, for the features of --evaluate --features FILE\n" +
            "  data: digits, CIFAR's records, or a folder of folders of pictures, one a category; by default "
            "datasets/digits\n" +
            net_text("classifier", "of ten categories", {1, 1, c.size, c.size, 3}, classifier_layers(10)) + "\n";
  }
  text += "settings (--set name=value ...):\n";
  for (const Field<Settings> &field : setting_fields())
    text += "  " + field.name + std::string(field.name.size() < 22 ? 22 - field.name.size() : 1, ' ') + " " +
            field.help + "\n";
  return text;
}

}  // namespace coopnets
