#include "app/run_name.h"

#include <filesystem>

namespace coopnets {

std::string run_name(const Options &options) {
  if (!options.name.empty()) return options.name;
  std::string category = options.category;
  for (const auto &[name, value] : options.settings)
    if ((name == "category" && category.empty()) || (name == "density" && options.experiment == "toy"))
      category = value;
  if (!category.empty() && category.find('/') == std::string::npos) return category;
  const size_t end = options.data.find_last_not_of('/');
  if (end == std::string::npos) return "default";
  std::string name = options.data.substr(0, end + 1);
  name = name.substr(name.find_last_of('/') + 1);
  const size_t dot = name.find_last_of('.');
  if (dot != std::string::npos && dot > 0) name.resize(dot);
  return name == "." || name == ".." ? "default" : name;
}

std::string run_path(const Options &options, const std::string &experiment) {
  return (std::filesystem::path(options.out) / experiment / run_name(options)).string();
}

RunStart run_start(const Options &o) {
  return o.resume ? RunStart::resume : o.overwrite ? RunStart::overwrite : RunStart::fresh;
}

}  // namespace coopnets
