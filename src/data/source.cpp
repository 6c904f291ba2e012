#include "data/source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>

#include "data/cifar.h"
#include "data/idx.h"
#include "data/order.h"
#include "data/tar.h"

namespace coopnets {

namespace fs = std::filesystem;

std::string Source::name(int64_t index) const {
  return paths.empty() ? "example " + std::to_string(index) : paths[size_t(index)];
}

Image Source::read(int64_t index, int64_t channels, Alpha alpha) const {
  if (!paths.empty()) return load_image(paths[size_t(index)], channels, alpha);
  Image image(shape.h, shape.w, shape.c);
  std::copy_n(pixels.data() + index * shape.size(), shape.size(), image.pixels.data());
  return with_channels(std::move(image), channels);
}

namespace {

// Files of one ending.
struct Files {
  int64_t count = 0;
  fs::path first;
};

struct Found {
  std::vector<std::string> pictures;
  std::map<std::string, Files> others;  // that are no pictures by their names, by their ending in small letters
  std::set<std::pair<dev_t, ino_t>> visited;
  std::vector<std::string> unreadable;  // folders, and why
};

std::string ending(const fs::path &path) {
  std::string text = path.extension().string();
  for (char &c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_picture_elsewhere(const std::string &ending) {
  for (const char *known : {".webp", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".tif", ".tiff", ".pbm"})
    if (ending == known) return true;
  return false;
}

// What to do about such a file, which is not read: the end of a sentence, "" where nothing is known.
std::string what_to_do(const fs::path &file) {
  const std::string kind = ending(file), folder = file.parent_path().string();
  if (kind == ".mdb")
    return ": LSUN's database is exported to pictures by 'python2 data.py save " + (folder.empty() ? "." : folder) +
           " --out_dir PICTURES --flat', of https://github.com/fyu/lsun";
  if (kind == ".zip" || kind == ".7z" || kind == ".rar") return ": unpack it, and name the folder";
  if (is_picture_elsewhere(kind))
    return ": convert such to PNG, as ImageMagick's 'mogrify -format png *" + kind + "' does";
  return "";
}

// What is under a folder, paths relative to `root`. A folder that several links lead to is visited once, so that links
// in circles end, and in the order of names, so that it belongs to the same category on every file system.
void collect(const fs::path &root, const fs::path &inside, Found &found) {
  std::error_code error;
  const fs::path folder = root / inside;
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) error.assign(errno, std::generic_category());
  if (!error && !found.visited.emplace(status.st_dev, status.st_ino).second) return;
  std::set<fs::path> names;
  if (!error)
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      names.insert(entry->path().filename());
  if (error) found.unreadable.push_back(folder.string() + ": " + error.message());
  for (const fs::path &name : names) {
    if (name.string()[0] == '.' || name == "@eaDir") continue;  // @eaDir: thumbnails that some servers keep
    std::error_code unknown;
    if (fs::is_directory(folder / name, unknown) || unknown == std::errc::filename_too_long)
      collect(root, inside / name, found);
    else if (has_image_name(name.string()))
      found.pictures.push_back((inside / name).string());
    else if (Files &others = found.others[ending(name)]; ++others.count == 1)
      others.first = folder / name;
  }
}

Found everything_in(const std::string &folder) {
  Found found;
  collect(folder, "", found);
  std::sort(found.pictures.begin(), found.pictures.end());
  return found;
}

// Relative paths of all pictures by the name of their category; "" holds them all where there are none.
std::map<std::string, std::vector<std::string>> by_category(const std::vector<std::string> &all) {
  std::map<std::string, std::vector<std::string>> categories;
  for (const std::string &path : all) {
    const size_t slash = path.find('/');
    if (slash == std::string::npos) return {{"", all}};  // pictures beside folders: all are of one kind
    categories[path.substr(0, slash)].push_back(path);
  }
  return categories;
}

// "; most files in it end in .webp, which is not read", where they have an ending, and what to do about it.
std::string most_files_are(Found found) {
  for (const char *known : {"", ".gz", ".bin"}) found.others.erase(known);  // known, under their names
  const auto most = std::max_element(found.others.begin(), found.others.end(),
                                     [](const auto &a, const auto &b) { return a.second.count < b.second.count; });
  if (most == found.others.end()) return "";
  return "; most files in it end in " + most->first + ", which is not read" + what_to_do(most->second.first);
}

// "in FOLDER 3 files end in .webp, ...", of each ending of pictures that are not read; "" without any.
std::string passed_over(const Found &found, const std::string &folder) {
  std::string text;
  for (const auto &[ending, files] : found.others)
    if (is_picture_elsewhere(ending))
      text += (text.empty() ? "" : "; ") + std::to_string(files.count) +
              (files.count == 1 ? " file ends" : " files end") + " in " + ending + ", which is not read" +
              what_to_do(files.first);
  return text.empty() ? "" : "in " + folder + ' ' + text;
}

[[noreturn]] void no_category(const SourceOptions &options, const std::string &known) {
  throw std::runtime_error("there is no category " + options.category + " in " + options.path +
                           "; there are: " + known);
}

Source open_pictures(const SourceOptions &options) {
  const Found found = everything_in(options.path);
  const auto categories = by_category(found.pictures);
  std::string unreadable;
  if (!found.unreadable.empty())
    unreadable = (found.unreadable.size() == 1 ? "a folder"
                                               : std::to_string(found.unreadable.size()) + " folders, one of them") +
                 " cannot be read: " + found.unreadable[0];
  if (categories.empty())
    throw std::runtime_error("there are no pictures in " + options.path +
                             " (PNG, JPEG, BMP, PPM, PGM, TGA, GIF, PSD, HDR, PIC), nor MNIST's "
                             "train-images-idx3-ubyte or CIFAR's data_batch_1.bin" +
                             most_files_are(found) + (unreadable.empty() ? "" : "; " + unreadable));
  Source source;
  source.warning = unreadable;
  if (const std::string others = passed_over(found, options.path); !others.empty())
    source.warning += (unreadable.empty() ? "" : "; ") + others;
  const auto full = [&](const std::string &name) { return (fs::path(options.path) / name).string(); };
  if (categories.count("")) {
    for (const std::string &name : categories.at("")) {
      const fs::path path(name);
      if (options.category.empty() || options.category == name || options.category == path.filename() ||
          options.category == path.stem())
        source.paths.push_back(full(name));
    }
    if (source.paths.empty()) no_category(options, list_categories(options.path));
    return source;
  }
  for (const auto &[name, paths] : categories) source.categories.push_back(name);
  if (!options.category.empty() && !categories.count(options.category))
    no_category(options, list_categories(options.path));
  bool more = true;
  for (size_t turn = 0; more; ++turn) {
    more = false;
    int64_t label = -1;
    for (const auto &[name, paths] : categories) {
      ++label;
      if (turn >= paths.size() || (!options.category.empty() && options.category != name)) continue;
      source.paths.push_back(full(paths[turn]));
      source.labels.push_back(label);
      more = true;
    }
  }
  return source;
}

// EMNIST's files hold each picture column by column.
void turn_emnist(Source &source) {
  const int64_t h = source.shape.h, w = source.shape.w, size = source.size();
  std::vector<uint8_t> turned(source.pixels.size());
  for (int64_t i = 0; i < size; ++i)
    for (int64_t y = 0; y < h; ++y)
      for (int64_t x = 0; x < w; ++x) turned[size_t((i * w + x) * h + y)] = source.pixels[size_t((i * h + y) * w + x)];
  source.pixels = std::move(turned);
  std::swap(source.shape.h, source.shape.w);
  source.warning = "EMNIST's files hold pictures transposed: they are turned upright";
}

Source open_idx(const std::string &images, const std::string &labels) {
  Idx pictures = load_idx(images);
  if (pictures.sizes.size() != 3)
    throw std::runtime_error("cannot read " + images + ": it has " + std::to_string(pictures.sizes.size()) +
                             " axes, and images have 3 (count, rows, columns)");
  if (pictures.sizes[1] > max_pixels / pictures.sizes[2])
    throw std::runtime_error("cannot read " + images + ": its images are absurdly large");
  Source source;
  source.shape = {1, 1, pictures.sizes[1], pictures.sizes[2], 1};
  source.pixels = std::move(pictures.values);
  if (is_emnist(images)) turn_emnist(source);
  if (labels.empty()) return source;
  const Idx numbers = load_idx(labels);
  if (numbers.sizes.size() != 1 || numbers.sizes[0] != source.size())
    throw std::runtime_error("cannot use " + labels + ": it has not one label for each of the " +
                             std::to_string(source.size()) + " images of " + images);
  source.labels.assign(numbers.values.begin(), numbers.values.end());
  const int64_t last = *std::max_element(source.labels.begin(), source.labels.end());
  for (int64_t i = 0; i <= last; ++i) source.categories.push_back(std::to_string(i));
  return source;
}

// ".../train-images-idx3-ubyte.gz" -> ".../train-labels-idx1-ubyte.gz" if that exists, else "".
std::string labels_beside(const std::string &images) {
  const fs::path path(images);
  std::string name = path.filename().string();
  const size_t what = name.find("images"), axes = name.find("idx3");
  if (what == std::string::npos || axes == std::string::npos) return "";
  name.replace(axes, 4, "idx1").replace(what, 6, "labels");
  const fs::path labels = path.parent_path() / name;
  return fs::is_regular_file(labels) ? labels.string() : "";
}

Source from_cifar(Cifar cifar) {
  Source source;
  source.shape = {1, 1, 32, 32, 3};
  source.pixels = std::move(cifar.pixels);
  source.labels.assign(cifar.labels.begin(), cifar.labels.end());
  source.categories = std::move(cifar.categories);
  return source;
}

Source open_cifar(const std::string &place, bool train) {
  Cifar cifar = load_cifar(place, train);
  std::string missing;
  for (const std::string &name : cifar.missing) missing += (missing.empty() ? "" : ", ") + name;
  Source source = from_cifar(std::move(cifar));
  if (!missing.empty()) source.warning = "CIFAR-10 is incomplete: " + place + " lacks " + missing;
  return source;
}

Source open_all(const SourceOptions &options) {
  const std::string &path = options.path;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw std::runtime_error("cannot open " + path + ": no such file or folder");
  Source source;
  if (!fs::is_directory(path, ignored)) {
    if (has_tar_name(path)) {
      source = open_cifar(path, options.train);
      source.has_parts = true;
      return source;
    }
    if (fs::path(path).extension() == ".bin" || is_cifar_pickle(path))
      return from_cifar(load_cifar_file(path));  // may begin as an idx file does
    if (is_idx_file(path)) return open_idx(path, labels_beside(path));
    if (const std::string what = what_to_do(path); !what.empty() && !is_picture_elsewhere(ending(path)))
      throw std::runtime_error("cannot read " + path + what);  // pictures are told by what is in them
    const fs::path name = fs::path(path).filename();
    if (!options.category.empty() && options.category != name && options.category != name.stem())
      no_category(options, "none, as it is one picture");
    source.paths = {path};
    return source;
  }
  if (const std::string images = find_idx(path, options.train, "images"); !images.empty())
    source = open_idx(images, find_idx(path, options.train, "labels"));
  else if (const std::string place = find_cifar(path); !place.empty())
    source = open_cifar(place, options.train);
  else
    return open_pictures(options);
  source.has_parts = true;
  return source;
}

// Keeps the examples for which `wanted(index)`, in order.
template <typename Wanted>
void keep(Source &source, const Wanted &wanted) {
  const int64_t size = source.size(), example = source.paths.empty() ? source.shape.size() : 0;
  int64_t kept = 0;
  for (int64_t i = 0; i < size; ++i) {
    if (!wanted(i)) continue;
    if (!source.paths.empty()) source.paths[size_t(kept)] = source.paths[size_t(i)];
    std::copy_n(source.pixels.data() + i * example, example, source.pixels.data() + kept * example);
    if (!source.labels.empty()) source.labels[size_t(kept)] = source.labels[size_t(i)];
    ++kept;
  }
  if (!source.paths.empty()) source.paths.resize(size_t(kept));
  source.pixels.resize(size_t(kept * example));
  if (!source.labels.empty()) source.labels.resize(size_t(kept));
}

}  // namespace

std::string unread_pictures(const std::string &folder) { return passed_over(everything_in(folder), folder); }

// Which permutation draws the examples: one that is no epoch's.
constexpr int64_t before_training = -1;

Source open_source(const SourceOptions &options) {
  if (options.first < 0 || options.limit < 0 || options.held_out < 0 || options.examples < 0)
    throw std::invalid_argument("open_source: first, limit, held_out and examples cannot be negative");
  Source source = open_all(options);
  if (!options.train || options.take_held_out) source.warning.clear();  // it is said of what is learned from
  if (!options.train && !source.has_parts)
    throw std::runtime_error(options.path + " has no test set: MNIST's or CIFAR's files, under their names, have one");
  if (!options.category.empty() && source.paths.empty()) {
    const auto &names = source.categories;
    const int64_t label = std::find(names.begin(), names.end(), options.category) - names.begin();
    if (label == int64_t(names.size())) {
      std::string known;
      for (const std::string &name : names) known += (known.empty() ? "" : ", ") + name;
      no_category(options, known.empty() ? "none" : known);
    }
    keep(source, [&](int64_t i) { return source.labels[size_t(i)] == label; });
  }
  const int64_t size = source.size();
  if (options.held_out > 0) {
    const int64_t count = options.a_sixth_at_most ? std::min(options.held_out, size / 6) : options.held_out;
    if (count >= size)
      throw std::runtime_error("held_out=" + std::to_string(count) + " leaves nothing to learn: there " +
                               (size == 1 ? "is 1 example" : "are " + std::to_string(size) + " examples") + " in " +
                               options.path);
    source.held_out = count;
    std::vector<bool> held_out(static_cast<size_t>(size));
    const std::vector<int64_t> drawn =
        options.held_out_seed ? epoch_order(size, *options.held_out_seed, 0) : std::vector<int64_t>();
    for (int64_t k = 0; k < count; ++k) held_out[size_t(drawn.empty() ? size - 1 - k : drawn[size_t(k)])] = true;
    keep(source, [&](int64_t i) { return held_out[size_t(i)] == options.take_held_out; });
  }
  if (options.examples > 0) {
    std::vector<int64_t> seen(std::max<size_t>(source.categories.size(), 1));
    std::vector<bool> drawn(size_t(source.size()));
    for (const int64_t i : epoch_order(source.size(), options.examples_seed, before_training))
      drawn[size_t(i)] = seen[source.labels.empty() ? 0 : size_t(source.labels[size_t(i)])]++ < options.examples;
    keep(source, [&](int64_t i) { return drawn[size_t(i)]; });
  }
  if (options.first > 0 || options.limit > 0)
    keep(source,
         [&](int64_t i) { return i >= options.first && (options.limit == 0 || i - options.first < options.limit); });
  if (source.size() == 0)
    throw std::runtime_error("no example is left of the " + std::to_string(size) + " in " + options.path);
  return source;
}

std::string list_categories(const std::string &path) {
  const size_t shown = 20;
  std::vector<std::string> names;
  for (const auto &[name, paths] : by_category(everything_in(path).pictures)) {
    if (name.empty())
      names = paths;
    else
      names.push_back(name + " (" + std::to_string(paths.size()) + ")");
  }
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), shown); ++i) list += (i ? ", " : "") + names[i];
  if (names.size() > shown) list += " and " + std::to_string(names.size() - shown) + " more";
  return list;
}

}  // namespace coopnets
