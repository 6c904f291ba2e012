// What the table of options is for others than this program: shells that complete it, man that shows it.
#pragma once
#include <string>

#include "app/options.h"

namespace coopnets {

// --completion bash, zsh: a script that completes options, names, settings and files.
std::string completion_text(const std::string &shell, const Vocabulary &);

// --man: the manual page, in roff's man macros.
std::string man_text(const Vocabulary &);

}  // namespace coopnets
