#include "data/dataset.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "tensor/file.h"
#include "tensor/parallel.h"

namespace coopnets {

namespace {
constexpr double most_enlarged = 2;  // times, without a word
constexpr size_t most_named = 3;     // bad pictures, in warnings
}  // namespace

int64_t memory_for_examples(const std::string &control_groups) {
  int64_t memory = int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  for (const char *name : {"/memory.max", "/memory/memory.limit_in_bytes"}) {  // of versions 2 and 1
    int64_t limit;                                                             // none: "max", or more than there is
    if (std::ifstream(control_groups + name) >> limit && limit >= 0) memory = std::min(memory, limit);
  }
  return memory / 4;
}

Dataset::Dataset(const DatasetOptions &options)
    : options_(options), source_(open_source(options.source)), size_(source_.size()) {
  if (options_.threads <= 0) options_.threads = thread_count();
  if (!options_.warn)
    options_.warn = [](const std::string &sentence) { std::fprintf(stderr, "warning: %s\n", sentence.c_str()); };
  if (!source_.warning.empty()) options_.warn(source_.warning);
  choose_shape();
  if (shape_.size() <= options_.memory_limit / size()) {
    load_all();
    say_warnings();
    order_.emplace(size_, options_.seed);
    return;
  }
  const int64_t queue_bytes = int64_t{256} << 20, most = 1024;
  const int64_t ahead = std::clamp<int64_t>(queue_bytes / shape_.size(), options_.threads, most);
  order_.emplace(size_, options_.seed, ahead);
  prefetch_ = std::make_unique<Prefetch>(options_.threads, ahead,
                                         [this](int64_t position) { return good_bytes(order_->at(position)); });
}

// What is not asked for is taken from the first picture that can be read.
void Dataset::choose_shape() {
  shape_ = {1, 1, options_.height, options_.width, options_.channels};
  if (shape_.h < 0 || shape_.w < 0 || (shape_.c != 0 && shape_.c != 1 && shape_.c != 3))
    throw std::invalid_argument("dataset: height and width cannot be negative, channels must be 1 or 3");
  std::string first_reason;
  for (int64_t index = 0; shape_.size() == 0; ++index) {
    try {
      const Image image = source_.read(index, shape_.c, options_.alpha);
      shape_.c = image.channels;
      if (shape_.h == 0) shape_.h = options_.crop.kind == Crop::side ? options_.crop.size : image.height;
      if (shape_.w == 0) shape_.w = options_.crop.kind == Crop::side ? options_.crop.size : image.width;
    } catch (const std::runtime_error &error) {
      if (first_reason.empty()) first_reason = error.what();
      if (bad_is_too_many(size_t(index + 1))) too_many_bad(size_t(index + 1), first_reason);
    }
  }
  if (shape_.h > max_pixels / shape_.w) throw std::runtime_error("examples of more than 2^28 pixels are too large");
}

Dataset::Bytes Dataset::decode(int64_t index) const {
  try {
    const Image image = source_.read(index, shape_.c, options_.alpha);
    Bytes pixels = fit(image, shape_.h, shape_.w, options_.crop, options_.resize).pixels;
    note_odd(index, image);
    return pixels;
  } catch (const std::runtime_error &error) {
    const std::string why = error.what(), name = source_.name(index);
    if (why.find(name) != std::string::npos) throw;
    throw std::runtime_error("cannot use " + name + ": " + why);
  }
}

void Dataset::too_many_bad(size_t count, const std::string &first) const {
  if (size() == 1) throw std::runtime_error(first);
  throw std::runtime_error("at least " + std::to_string(count) + " of the " + std::to_string(size()) + " pictures in " +
                           options_.source.path + " cannot be used, more than 5 %: " + first);
}

void Dataset::note_bad(int64_t index, const std::string &why) const {
  const std::lock_guard<std::mutex> lock(bad_mutex_);
  if (!bad_.emplace(index, why).second) return;
  if (bad_is_too_many(bad_.size())) too_many_bad(bad_.size(), why);
  unsaid_.push_back(index);
}

void Dataset::note_odd(int64_t index, const Image &image) const {
  const bool side = options_.crop.kind == Crop::side;
  const double of_height = double(shape_.h) / double(side ? options_.crop.size : image.height),
               of_width = double(shape_.w) / double(side ? options_.crop.size : image.width);
  const std::lock_guard<std::mutex> lock(bad_mutex_);
  const auto note = [index](int64_t &first) { first = first < 0 ? index : std::min(first, index); };
  if (image.blended) note(blended_);
  if (std::max(of_height, of_width) > most_enlarged) note(enlarged_);
}

void Dataset::say_warnings() const {
  std::vector<std::string> sentences;
  bool found = false;
  {
    const std::lock_guard<std::mutex> lock(bad_mutex_);
    found = !unsaid_.empty();
    const size_t named = std::min(most_named - named_, unsaid_.size());
    for (size_t i = 0; i < named; ++i) sentences.push_back(bad_.at(unsaid_[i]) + "; another picture takes its place");
    named_ += named;
    if (const size_t more = unsaid_.size() - named; more > 0 && !std::exchange(said_more_, true))
      sentences.push_back((more == 1 ? "another picture" : std::to_string(more) + " more pictures") +
                          " cannot be used; what else is bad is counted and not named here");
    unsaid_.clear();
    if (blended_ >= 0 && !std::exchange(said_blended_, true))
      sentences.push_back("there are pictures with transparent pixels, such as " + source_.name(blended_) +
                          ": they lie on " + (options_.alpha == Alpha::white ? "white" : "black") +
                          " (--set alpha=white or alpha=black; alpha=ignore shows the colours beneath)");
    if (enlarged_ >= 0 && !std::exchange(said_enlarged_, true))
      sentences.push_back("there are pictures that are enlarged more than twice to " + std::to_string(shape_.h) + "x" +
                          std::to_string(shape_.w) + ", such as " + source_.name(enlarged_) +
                          ": they are blurred, and so will be what is learned (a smaller --set size=... needs less)");
  }
  for (const std::string &sentence : sentences) options_.warn(sentence);
  if (found) write_list();
}

void Dataset::list_bad_in(const std::string &path) {
  list_path_ = path;
  write_list();
}

void Dataset::write_list() const {
  if (list_path_.empty()) return;
  std::string lines;
  {
    const std::lock_guard<std::mutex> lock(bad_mutex_);
    for (const auto &[index, why] : bad_) {
      for (std::string part : {source_.name(index), why}) {
        std::replace_if(
            part.begin(), part.end(), [](unsigned char c) { return c < ' '; }, '?');
        lines += part + '\t';
      }
      lines.back() = '\n';
    }
  }
  try {
    if (!lines.empty()) {
      write_atomically(list_path_, lines);
      if (!std::exchange(said_list_, true))
        options_.warn(list_path_ + " names every picture that cannot be used, and says why");
    } else if (std::error_code error; !std::filesystem::remove(list_path_, error) && error) {
      throw std::runtime_error("could not remove " + list_path_ + ": " + error.message());
    }
  } catch (const std::runtime_error &error) {
    if (!std::exchange(said_list_, true))
      options_.warn(std::string("pictures that cannot be used are not listed: ") + error.what());
  }
}

int64_t Dataset::bad_count() const {
  const std::lock_guard<std::mutex> lock(bad_mutex_);
  return int64_t(bad_.size() - unsaid_.size());
}

Dataset::Bytes Dataset::good_bytes(int64_t index) const {
  for (const bool any_category : {false, true})
    for (int64_t tried = 0; tried < size(); ++tried) {
      const int64_t candidate = (index + tried) % size();
      if (!any_category && label(candidate) != label(index)) continue;
      {
        const std::lock_guard<std::mutex> lock(bad_mutex_);
        if (bad_.count(candidate)) continue;
      }
      try {
        return decode(candidate);
      } catch (const std::runtime_error &error) {
        note_bad(candidate, error.what());
      }
    }
  throw std::runtime_error("no picture in " + options_.source.path + " can be used");
}

void Dataset::load_all() {
  const int64_t count = size(), example = shape_.size();
  if (source_.paths.empty() && source_.shape == shape_) {
    kept_ = std::exchange(source_.pixels, {});
    return;
  }
  kept_.resize(size_t(count * example));
  std::vector<std::string> reasons(static_cast<size_t>(count));
  in_parallel(options_.threads, count, [&](int64_t index) {
    try {
      const Bytes bytes = decode(index);
      std::copy(bytes.begin(), bytes.end(), kept_.begin() + index * example);
    } catch (const std::runtime_error &error) {
      reasons[size_t(index)] = error.what();
    }
  });

  size_t bad = 0;
  for (const std::string &reason : reasons) bad += !reason.empty();
  if (bad_is_too_many(bad)) {
    std::string first;
    size_t named = 0;
    for (const std::string &reason : reasons)
      if (!reason.empty() && named < most_named) first += (named++ ? "; " : "") + reason;
    too_many_bad(bad, first + (bad > named ? "; and so on" : ""));
  }
  for (int64_t index = 0; index < count; ++index)
    if (!reasons[size_t(index)].empty()) note_bad(index, reasons[size_t(index)]);
  for (const auto &[index, why] : std::map<int64_t, std::string>(bad_)) {
    const Bytes bytes = good_bytes(index);
    std::copy(bytes.begin(), bytes.end(), kept_.begin() + index * example);
  }
  source_.pixels = {};
}

int64_t Dataset::label(int64_t index) const { return source_.labels.empty() ? -1 : source_.labels[size_t(index)]; }

std::vector<int64_t> Dataset::batch_indices(int64_t iteration, int64_t count) const {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(order_->at(iteration * count + i));
  return indices;
}

void Dataset::batch(int64_t iteration, int64_t count, real *out) {
  try {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t position = iteration * count + i;
      if (prefetch_)
        normalise(prefetch_->take(position).data(), out + i * shape_.size());
      else
        normalise(kept_.data() + order_->at(position) * shape_.size(), out + i * shape_.size());
    }
  } catch (...) {  // too many are bad: which ones is of use then
    write_list();
    throw;
  }
  say_warnings();
}

void Dataset::examples(int64_t first, int64_t count, real *out) const {
  if (first < 0 || count < 0 || first > size() - count)
    throw std::invalid_argument("dataset: examples " + std::to_string(first) + " to " + std::to_string(first + count) +
                                " of " + std::to_string(size()) + " were asked for");
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  copy_examples(indices, out);
}

void Dataset::copy_examples(const std::vector<int64_t> &indices, real *out) const {
  in_parallel(prefetch_ ? options_.threads : 1, int64_t(indices.size()), [&](int64_t i) {
    const int64_t index = indices[size_t(i)];
    normalise(prefetch_ ? good_bytes(index).data() : kept_.data() + index * shape_.size(), out + i * shape_.size());
  });
  say_warnings();
}

std::vector<real> Dataset::examples(const std::vector<int64_t> &indices) const {
  for (const int64_t index : indices)
    if (index < 0 || index >= size())
      throw std::invalid_argument("dataset: there is no example " + std::to_string(index));
  std::vector<real> out(indices.size() * size_t(shape_.size()));
  copy_examples(indices, out.data());
  return out;
}

std::vector<real> Dataset::examples(int64_t first, int64_t count) const {
  std::vector<real> out(size_t(std::clamp<int64_t>(count, 0, size()) * shape_.size()));
  examples(first, count, out.data());
  return out;
}

Image Dataset::image(int64_t index) const {
  if (index < 0 || index >= size())
    throw std::invalid_argument("dataset: there is no example " + std::to_string(index));
  Image image;
  image.height = shape_.h;
  image.width = shape_.w;
  image.channels = shape_.c;
  if (prefetch_)
    image.pixels = good_bytes(index);
  else
    image.pixels.assign(kept_.begin() + index * shape_.size(), kept_.begin() + (index + 1) * shape_.size());
  say_warnings();
  return image;
}

}  // namespace coopnets
