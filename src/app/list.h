#pragma once
#include <string>

namespace coopnets {

// What --list prints: every experiment, or the one that is named, with its data, nets and settings, then what each setting
// means.
std::string list_text(const std::string &experiment = "");

// The same by --json: {"experiments": [...], "rivals": [...], "settings": [...]}.
std::string list_json(const std::string &experiment = "");

}  // namespace coopnets
