#include "app/data_path.h"

#include <filesystem>

namespace coopnets {

namespace fs = std::filesystem;

std::string find_shipped(const std::string &file, const std::string &program_folder) {
  std::error_code ignored;
  if (file.empty() || fs::exists(file, ignored)) return file;
  const fs::path clone = program_folder, installed = clone.parent_path() / "share/coopnets";
  for (const fs::path &folder : {clone, installed})
    if (fs::exists(folder / file, ignored)) return (folder / file).string();
  return "";
}

std::string data_path(const Options &options, const Experiment &experiment) {
  if (!options.data.empty()) return options.data;
  std::error_code ignored;
  return find_shipped(experiment.default_data, fs::read_symlink("/proc/self/exe", ignored).parent_path());
}

}  // namespace coopnets
