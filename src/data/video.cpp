#include "data/video.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string_view>

#include "data/animated_png.h"
#include "data/gif.h"
#include "data/png_chunks.h"
#include "data/process.h"
#include "data/source.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

// Takes a frame and the milliseconds that it is shown, 0 where nothing tells.
using Sink = std::function<void(const Image &, int64_t milliseconds)>;

std::string extension(const std::string &path) {
  std::string text = fs::path(path).extension().string();
  for (char &c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// A picture by its name, and no animation.
bool is_frame(const std::string &path) {
  return has_image_name(path) && extension(path) != ".gif" && !is_animated_png(path);
}

struct Folder {
  std::vector<std::string> frames, videos, folders;
};

// What is directly in a folder, hidden names left out, in natural order.
Folder list_folder(const std::string &path) {
  Folder found;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().string();
    if (entry->path().filename().string()[0] == '.') continue;
    if (entry->is_directory(ignored))
      found.folders.push_back(name);
    else if (!entry->is_regular_file(ignored))
      continue;
    else if (is_frame(name))
      found.frames.push_back(name);
    else if (has_video_name(name) || has_image_name(name))
      found.videos.push_back(name);
  }
  if (error) throw std::runtime_error("cannot list the folder " + path + ": " + error.message());
  for (auto *names : {&found.frames, &found.videos, &found.folders}) {
    std::sort(names->begin(), names->end(), natural_less);
  }
  return found;
}

// --- Folder of frames -----------------------------------------------------------------------------------------------

void read_pictures(const std::vector<std::string> &names, int64_t frames, const Sink &sink) {
  const auto size = [](const Image &image) { return std::to_string(image.height) + "x" + std::to_string(image.width); };
  std::string first_size;
  for (int64_t t = 0; t < std::min(frames, int64_t(names.size())); ++t) {
    const std::string &name = names[size_t(t)];
    const Image frame = load_image(name, 3);
    if (t == 0) first_size = size(frame);
    if (size(frame) != first_size)
      throw std::runtime_error(name + " has " + size(frame) + " pixels, but the clip's first frame, " + names[0] +
                               ", has " + first_size);
    sink(frame, 0);
  }
}

// --- ffmpeg ---------------------------------------------------------------------------------------------------------

// A number of a PPM header, which white space ends; -1 if there is none.
int64_t read_number(Process &process) {
  int64_t number = -1;
  for (char c; process.read(&c, 1) == 1 && number < int64_t{1} << 20;) {
    if (std::isspace(static_cast<unsigned char>(c))) return number;
    if (c < '0' || c > '9') break;
    number = std::max<int64_t>(number, 0) * 10 + (c - '0');
  }
  return -1;
}

// One picture of a stream of binary PPM pictures, "P6\nWIDTH HEIGHT\n255\n" and the pixels; false if it is not whole.
bool read_ppm(Process &process, const std::string &path, Image &frame) {
  char magic[3] = {};
  if (process.read(magic, 3) != 3) return false;
  const int64_t width = read_number(process), height = read_number(process), largest = read_number(process);
  if (std::string_view(magic, 3) != "P6\n" || width < 1 || height < 1 || largest != 255 || width > max_pixels / height)
    throw std::runtime_error("cannot read " + path + ": ffmpeg printed no picture that fits into memory");
  if (frame.height != height || frame.width != width) frame = Image(height, width, 3);
  return process.read(frame.pixels.data(), frame.pixels.size()) == frame.pixels.size();
}

void read_with_ffmpeg(const std::string &path, int64_t frames, const Sink &sink) {
  if (!on_path("ffmpeg"))
    throw std::runtime_error("reading " + path + " needs the program ffmpeg, which is not installed: install it, or " +
                             "give an animated GIF or PNG, or a folder of frames");
  // "file:" keeps names with a colon or a leading dash from being taken for something else; the white list keeps a
  // playlist from opening the network. One rate at both ends and frames numbered anew, whatever their time
  // stamps, so that ffmpeg neither drops nor repeats any.
  Process ffmpeg({"ffmpeg",
                  "-v",
                  "error",
                  "-nostdin",
                  "-protocol_whitelist",
                  "file",
                  "-r",
                  "25",
                  "-i",
                  "file:" + path,
                  "-an",
                  "-sn",
                  "-dn",
                  "-vf",
                  "settb=1/25,setpts=N",
                  "-r",
                  "25",
                  "-frames:v",
                  std::to_string(frames),
                  "-pix_fmt",
                  "rgb24",
                  "-f",
                  "image2pipe",
                  "-c:v",
                  "ppm",
                  "pipe:1"},
                 "cannot read " + path);
  Image frame;
  for (int64_t t = 0; t < frames; ++t) {
    if (read_ppm(ffmpeg, path, frame)) {
      sink(frame, 0);
      continue;
    }
    const int status = ffmpeg.finish();
    if (status != 0 || (t == 0 && !ffmpeg.last_error_line().empty())) ffmpeg.fail(status);
    return;
  }
}

bool begins_with(const std::string &path, std::string_view magic) {
  std::string first(magic.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(first.data(), std::streamsize(first.size())) && !file.eof())
    throw std::runtime_error("cannot read " + path);
  return first == magic;
}

void read_file_of_frames(const std::string &path, int64_t frames, const Sink &sink) {
  std::error_code error;
  if (fs::file_size(path, error) == 0 && !error)
    throw std::runtime_error(path + " is empty: a clip of " + std::to_string(frames) +
                             (frames == 1 ? " frame" : " frames") + " is needed");
  if (begins_with(path, "GIF8"))
    read_gif(path, frames, sink);
  else if (is_animated_png(path))
    read_animated_png(path, frames, sink);
  else if (has_image_name(path) || begins_with(path, png_signature))
    read_pictures({path}, frames, sink);
  else
    read_with_ffmpeg(path, frames, sink);
}

}  // namespace

bool natural_less(const std::string &a, const std::string &b) {
  const auto digit = [](const std::string &s, size_t i) { return i < s.size() && s[i] >= '0' && s[i] <= '9'; };
  const auto number = [&](const std::string &s, size_t &i) {  // its digits without leading zeros
    const size_t start = i;
    while (digit(s, i)) ++i;
    return s.substr(std::min(s.find_first_not_of('0', start), i), i - std::min(s.find_first_not_of('0', start), i));
  };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a, i) && digit(b, j)) {
      const std::string x = number(a, i), y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  const size_t left_a = a.size() - i, left_b = b.size() - j;
  return left_a != left_b ? left_a < left_b : a < b;  // 01 and 1: any fixed order
}

bool has_video_name(const std::string &path) {
  const std::string name = extension(path);
  for (const char *known : {".gif", ".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv",
                            ".ogv", ".y4m", ".apng"}) {
    if (name == known) return true;
  }
  return false;
}

std::vector<std::string> list_clips(const std::string &path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw std::runtime_error("there is no file or folder " + path);
  if (!fs::is_directory(status)) return {path};
  const Folder folder = list_folder(path);
  std::vector<std::string> clips = folder.videos;
  for (const std::string &sub : folder.folders) {
    if (!list_folder(sub).frames.empty()) clips.push_back(sub);
  }
  std::sort(clips.begin(), clips.end(), natural_less);
  if (folder.frames.empty() && clips.empty()) {
    const std::string unread = unread_pictures(path);
    throw std::runtime_error("the folder " + path +
                             " holds no clip: no pictures, no video files, no folders of pictures" +
                             (unread.empty() ? "" : "; " + unread));
  }
  if (!folder.frames.empty() && !clips.empty())
    throw std::runtime_error("the folder " + path + " holds pictures (" + folder.frames[0] + ") beside clips (" +
                             clips[0] + "): keep the frames of one clip, or clips, but not both");
  return clips.empty() ? std::vector<std::string>{path} : clips;
}

Clip read_clip(const std::string &path, int64_t frames, int64_t height, int64_t width, const Crop &crop,
               Resize resizing, int64_t *milliseconds) {
  if (frames < 1 || height < 1 || width < 1) throw std::invalid_argument("read_clip: no frames or no pixels wanted");
  Clip clip;
  int64_t shown = 0;
  const Sink keep = [&](const Image &frame, int64_t time) {
    clip.push_back(fit(frame, height, width, crop, resizing));
    shown += time;
  };
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw std::runtime_error("there is no file or folder " + path);
  if (fs::is_directory(status))
    read_pictures(list_folder(path).frames, frames, keep);
  else if (!fs::is_regular_file(status))
    throw std::runtime_error(path + " is neither a file nor a folder");
  else
    read_file_of_frames(path, frames, keep);
  const int64_t count = int64_t(clip.size());
  if (count == 0)
    throw std::runtime_error(path + " has no frame, but " + std::to_string(frames) +
                             (frames == 1 ? " is needed" : " are needed"));
  if (milliseconds && shown > 0) *milliseconds = (shown + count / 2) / count;
  return clip;
}

Short parse_short(const std::string &text) {
  if (text == "refuse") return Short::refuse;
  if (text == "loop") return Short::loop;
  if (text == "mirror") return Short::mirror;
  throw std::runtime_error("short is refuse, loop or mirror, not '" + text + "'");
}

Clip lengthened(const Clip &clip, int64_t frames, Short how) {
  const int64_t count = int64_t(clip.size()), back_again = 2 * count - 2;
  if (count < 2 || how == Short::refuse)
    throw std::invalid_argument("lengthened: a clip of 2 frames or more is needed");
  Clip longer;
  for (int64_t t = 0; t < frames; ++t) {
    const int64_t i = how == Short::loop ? t % count : t % back_again;
    longer.push_back(clip[size_t(i < count ? i : back_again - i)]);
  }
  return longer;
}

std::vector<real> to_reals(const Clip &clip, Stretch stretch) {
  std::vector<uint8_t> bytes;
  for (const Image &frame : clip) {
    if (frame.shape() != clip[0].shape()) throw std::invalid_argument("to_reals: frames of different shapes");
    bytes.insert(bytes.end(), frame.pixels.begin(), frame.pixels.end());
  }
  std::vector<real> reals(bytes.size());
  if (bytes.empty()) return reals;
  const int64_t count = stretch == Stretch::video ? int64_t(bytes.size()) : clip[0].size();
  for (size_t start = 0; start < bytes.size(); start += size_t(count)) {
    to_reals(bytes.data() + start, count, stretch == Stretch::fixed ? Normalise::fixed : Normalise::stretch,
             reals.data() + start);
  }
  return reals;
}

Clip to_clip(const real *values, const Shape &shape) {
  Clip clip;
  for (int64_t t = 0; t < shape.t; ++t) {
    clip.push_back(to_image(values + t * shape.h * shape.w * shape.c, shape.h, shape.w, shape.c));
  }
  return clip;
}

}  // namespace coopnets
