// UTF-8 as RFC 3629 has it.
#pragma once
#include <string>
#include <string_view>

namespace coopnets {

// The length of the sequence at text[i], 0 when it is none: no overlong forms, no surrogates.
size_t utf8_length(std::string_view text, size_t i);

// The text with '?' for every byte that is no part of UTF-8.
std::string valid_utf8(std::string_view text);

}  // namespace coopnets
