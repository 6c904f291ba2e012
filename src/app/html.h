// Pages that need no other file.
#pragma once
#include <string>

namespace coopnets {

std::string escaped(const std::string &text);  // & < > " as HTML has them

// A PNG file inside the page, "" where there is no such file.
std::string picture_uri(const std::string &path);
// ' width="532"' of a PNG file: enlarged by a whole factor, so that all its pixels are equally large on the page.
std::string picture_width(const std::string &path);

// A whole page with this title and what is between <body> and </body> after its heading.
std::string html_page(const std::string &title, const std::string &body);

}  // namespace coopnets
