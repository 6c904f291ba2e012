// config.txt, the config in a picture, words of settings.
#include "app/options.h"
#include "data/picture_files.h"
#include "data/png_texts.h"
#include "fuzz/fuzz.h"

namespace coopnets {
namespace {

std::vector<Bytes> seeds() {
  Options options;
  options.experiment = "texture";
  options.data = "datasets/texture/gravel.png";
  options.settings = {{"size", "32"}};
  const std::string whole = config_text(options, Settings());
  const std::string small = "\xEF\xBB\xBF# one\r\nexp = texture\r\nseed=4\ndevice=cpu\n[settings]\nsize=16\ncrop=12\n";
  return {Bytes(whole.begin(), whole.end()), Bytes(small.begin(), small.end()),
          bytes_of("size=64 chains=144 langevin_step_size=1e-3 normalise=fixed", {}),
          with_texts(encode_png(noise(2, 3, 3)), {{"coopnets config", "exp=texture\n[settings]\nsize=16\n"}})};
}

const Vocabulary names = {{"texture", "digits"}, {"quick"}, {"quick", "paper"}, {"cooperative", "descriptor"}};

// What is wrong may be several options together, and that error need not name the file.
Options read_config(const std::string &path) {
  try {
    return parse_options({"--config=" + path}, names);
  } catch (const UsageError &error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

void check_printed(const Options &options) {
  const Settings settings = settings_of(options, Settings());
  const std::string text = config_text(options, settings);
  const Options again = parse_options({"--config=" + input_file("again.txt", Bytes(text.begin(), text.end()))}, names);
  must(print(settings_of(again, Settings())) == print(settings), "a config that was read and printed reads the same");
}

int read(const Bytes &bytes) {
  const std::string path = input_file("config.txt", bytes);
  int count = taken(path, [&] { check_printed(read_config(path)); });
  try {
    Settings().set_all(std::string(bytes.begin(), bytes.end()));
    ++count;
  } catch (const std::invalid_argument &) {
  }
  return count;
}

}  // namespace

FuzzTarget configs_target() { return {"configs", 16384, seeds, read, repair_png}; }

}  // namespace coopnets
