#pragma once
#include <string>

namespace coopnets {

// What --list prints: every experiment with its data, nets and settings, then what each setting means.
std::string list_text();

}  // namespace coopnets
