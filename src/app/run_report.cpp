#include "app/run_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "app/evolution.h"
#include "app/html.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

namespace fs = std::filesystem;

constexpr size_t most_points = 400;             // of a curve
constexpr size_t most_bytes = size_t{8} << 20;  // of pictures; the first ones go where there are more
constexpr int64_t most_file = int64_t{1} << 30;

constexpr char script[] =
    "const when=document.getElementById('when'),at=document.getElementById('at');"
    "function show(){at.textContent=iterations[when.value];"
    "for(const kind in sheets)document.getElementById('sheet-'+kind).src=sheets[kind][when.value];}"
    "when.oninput=show;show();";
const char *const colours[] = {"#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#b8860b",
                               "#16a2a2", "#d4569a", "#5d6d2e", "#e67e22", "#555555"};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string place(double pixels) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", pixels);
  return text;
}

// "energy" of "energy_observed": columns of one chart.
std::string group_of(const std::string &column) { return column.substr(0, column.find('_')); }

// Means of neighbouring values that are numbers, so that a long run is no longer than its picture.
std::vector<std::pair<double, double>> points(const Curves &curves, size_t column) {
  std::vector<std::pair<double, double>> all;
  const size_t rows = curves.iterations.size(), pieces = std::min(rows, most_points);
  for (size_t piece = 0; piece < pieces; ++piece) {
    double x = 0, y = 0, count = 0;
    for (size_t i = piece * rows / pieces; i < (piece + 1) * rows / pieces; ++i)
      if (std::isfinite(curves.values[column][i])) x += curves.iterations[i], y += curves.values[column][i], ++count;
    if (count > 0) all.emplace_back(x / count, y / count);
  }
  return all;
}

// Where the names of a chart's lines begin: in rows that are as long as the drawing is wide.
std::vector<std::pair<double, double>> legend(const Curves &curves, size_t first, size_t last, double left,
                                              double right) {
  constexpr double letter = 7.5, gap = 12, row = 16;
  std::vector<std::pair<double, double>> places;
  double x = left, y = row;
  for (size_t column = first; column < last; ++column) {
    const double width = letter * double(curves.columns[column].size());
    if (x > left && x + width > right) x = left, y += row;
    places.emplace_back(x, y);
    x += width + gap;
  }
  return places;
}

}  // namespace

std::string chart(const Curves &curves, size_t first, size_t last) {
  constexpr double left = 70, width = 560, bottom = 194;
  const std::vector<std::pair<double, double>> names = legend(curves, first, last, left, left + width);
  const double top = names.empty() ? 0 : names.back().second + 8, height = bottom - top;
  std::vector<std::vector<std::pair<double, double>>> lines;
  std::vector<double> all;
  for (size_t column = first; column < last; ++column) {
    lines.push_back(points(curves, column));
    for (const auto &[x, y] : lines.back()) all.push_back(y);
  }
  if (all.empty()) return "";
  std::sort(all.begin(), all.end());
  const double least = all[all.size() / 100], most = all[all.size() - 1 - all.size() / 100];
  const double begin = curves.iterations.front(), length = std::max(curves.iterations.back() - begin, 1.);
  const double range = most > least ? most - least : 1;
  std::string svg = "<svg viewBox=\"0 0 640 220\" role=\"img\">";
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string colour = colours[i % std::size(colours)];
    svg += "<text x=\"" + place(names[i].first) + "\" y=\"" + place(names[i].second) + "\" font-size=\"13\" fill=\"" +
           colour + "\">" + escaped(curves.columns[first + i]) + "</text>";
    svg += "<polyline fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"1.5\" points=\"";
    for (const auto &[x, y] : lines[i])
      svg += place(left + width * (x - begin) / length) + ',' +
             place(top + height * (most - std::clamp(y, least, most)) / range) + ' ';
    svg += "\"/>";
  }
  const auto label = [&](double x, double y, const char *anchor, const std::string &value) {
    svg += "<text x=\"" + place(x) + "\" y=\"" + place(y) + "\" font-size=\"12\" text-anchor=\"" + anchor + "\">" +
           value + "</text>";
  };
  label(left - 6, top + 6, "end", number(most));
  label(left - 6, top + height, "end", number(least));
  label(left, top + height + 18, "start", std::to_string(int64_t(begin)));
  label(left + width, top + height + 18, "end", std::to_string(int64_t(curves.iterations.back())));
  return svg + "</svg>\n";
}

namespace {

std::string charts(const Curves &curves) {
  std::string all;
  for (size_t first = 0; first < curves.columns.size();) {
    size_t last = first + 1;
    while (last < curves.columns.size() && group_of(curves.columns[last]) == group_of(curves.columns[first])) ++last;
    all += chart(curves, first, last);
    first = last;
  }
  return all;
}

std::string pictures(const std::string &folder) {
  const Sheets sheets = sheets_of(folder);
  const std::vector<int64_t> all = common_iterations(sheets);
  std::vector<int64_t> iterations;  // as many of the last as there is room for
  std::string figures, scripted;
  size_t bytes = 0;
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    for (const auto &[kind, files] : sheets) bytes += size_t(fs::file_size(files.at(*at)));
    if (!iterations.empty() && bytes > most_bytes) break;
    iterations.insert(iterations.begin(), *at);
  }
  const std::string observed = picture_uri(folder + "/observed.png");
  if (!observed.empty())
    figures = "<figure><img alt=\"observed\"" + picture_width(folder + "/observed.png") + " src=\"" + observed +
              "\"><figcaption>observed</figcaption></figure>\n";
  if (iterations.empty()) return "<div class=\"row\">\n" + figures + "</div>\n";
  for (const auto &[kind, files] : sheets) {
    scripted += (scripted.empty() ? "" : ",") + ('"' + kind + "\":[");
    for (const int64_t iteration : iterations)
      scripted += (iteration == iterations.front() ? "\"" : ",\"") + picture_uri(files.at(iteration)) + '"';
    scripted += "]";
    figures += "<figure><img id=\"sheet-" + kind + "\" alt=\"" + kind + '"' +
               picture_width(files.at(iterations.back())) + "><figcaption>" + kind + "</figcaption></figure>\n";
  }
  std::string numbers;
  for (const int64_t iteration : iterations) numbers += (numbers.empty() ? "" : ",") + std::to_string(iteration);
  const std::string last = std::to_string(iterations.size() - 1);
  return "<p><label>iteration <output id=\"at\"></output><br><input type=\"range\" id=\"when\" min=\"0\" max=\"" +
         last + "\" value=\"" + last + "\"></label></p>\n<div class=\"row\">\n" + figures +
         "</div>\n<script>const iterations=[" + numbers + "],sheets={" + scripted + "};" + script + "</script>\n";
}

}  // namespace

double Curves::seconds() const {
  double sum = 0;
  if (!values.empty())
    for (const double s : values.back()) sum += s;
  return sum;
}

Curves read_curves(const std::string &log) {
  const std::string text = read_file(log, most_file);
  Curves curves;
  for (size_t begin = 0, row = 0; begin < text.size(); ++row) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;  // a row that is being written
    size_t column = 0;
    for (size_t at = begin; at <= end; ++column) {
      const size_t comma = std::min(text.find(',', at), end);
      const std::string cell = text.substr(at, comma - at);
      if (row == 0 && column > 0) curves.columns.push_back(cell), curves.values.emplace_back();
      if (row > 0 && column == 0) curves.iterations.push_back(std::strtod(cell.c_str(), nullptr));
      if (row > 0 && column > 0 && column <= curves.values.size())
        curves.values[column - 1].push_back(std::strtod(cell.c_str(), nullptr));
      at = comma + 1;
    }
    for (std::vector<double> &values : curves.values) values.resize(curves.iterations.size(), NAN);
    begin = end + 1;
  }
  return curves;
}

std::string verdict(const Curves &curves) {
  const auto column = [&](const char *name) {
    return size_t(std::find(curves.columns.begin(), curves.columns.end(), name) - curves.columns.begin());
  };
  const size_t observed = column("energy_observed"), revised = column("energy_revised"),
               rows = curves.iterations.size();
  if (std::max(observed, revised) >= curves.columns.size() || rows < 8) return "";
  // |observed - revised| of a quarter of the run, in per cent of the energies' size there, and how much it varies.
  const auto quarter = [&](size_t begin) {
    double sum = 0, squares = 0, size = 0;
    const size_t end = begin + rows / 4;
    for (size_t i = begin; i < end; ++i) {
      const double gap = curves.values[observed][i] - curves.values[revised][i];
      sum += gap;
      squares += gap * gap;
      size += std::abs(curves.values[observed][i]);
    }
    const double count = double(end - begin), mean = sum / count;
    const double deviation = std::sqrt(std::max(0., squares / count - mean * mean));
    return std::make_pair(100 * std::abs(mean) * count / size, 100 * deviation * count / size);
  };
  const auto [first, first_swing] = quarter(0);
  const auto [last, last_swing] = quarter(rows - rows / 4);
  if (!std::isfinite(first + last + last_swing)) return "";
  const bool diverges = last > 2 * first && last > 10, swings = last_swing > 2 * last && last_swing > first_swing;
  return std::string(diverges ? "diverging"
                     : swings ? "swinging"
                              : "approaching") +
         ": the energies of observed and revised examples differ by " + number(first) +
         " % of their size in the first quarter of the run and by " + number(last) +
         " % in the last, where that varies by " + number(last_swing) + " %";
}

std::string verdict_word(const std::string &verdict) { return verdict.substr(0, verdict.find(':')); }

std::string run_report(const std::string &folder, const std::string &title) {
  const Curves curves = read_curves(folder + "/log.csv");
  const std::string said = verdict(curves);
  const std::string iterations = std::to_string(curves.iterations.empty() ? 0 : int64_t(curves.iterations.back()));
  return html_page(title, "<p>" + iterations + " iterations in " + number(curves.seconds()) + " s" +
                              (said.empty() ? "" : "; " + said) + ".</p>\n<h2>Pictures</h2>\n" + pictures(folder) +
                              "<h2>Curves</h2>\n<div class=\"row\">\n" + charts(curves) +
                              "</div>\n<h2>Settings</h2>\n<p><code>coopnets --config config.txt --name ANOTHER</code> "
                              "repeats the run.</p>\n"
                              "<pre>" +
                              escaped(read_file(folder + "/config.txt", 1 << 20)) + "</pre>\n");
}

}  // namespace coopnets
