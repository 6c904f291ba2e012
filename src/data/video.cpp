#include "data/video.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "data/process.h"
#include "data/stb.h"
#include "tensor/file.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

constexpr int64_t max_gif_bytes = int64_t{1} << 30;  // decoded: frames x height x width x 4; stb_image counts in int
constexpr size_t max_gif_file = size_t{1} << 29;

using Sink = std::function<void(const Image &)>;

std::string extension(const std::string &path) {
  std::string text = fs::path(path).extension().string();
  for (char &c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_frame_name(const std::string &path) { return has_image_name(path) && extension(path) != ".gif"; }

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
    else if (is_frame_name(name))
      found.frames.push_back(name);
    else if (has_video_name(name))
      found.videos.push_back(name);
  }
  if (error) throw std::runtime_error("cannot list the folder " + path + ": " + error.message());
  for (auto *names : {&found.frames, &found.videos, &found.folders}) {
    std::sort(names->begin(), names->end(), natural_less);
  }
  return found;
}

[[noreturn]] void too_short(const std::string &path, int64_t count, int64_t frames) {
  throw std::runtime_error(path + " has " + std::to_string(count) + (count == 1 ? " frame" : " frames") + ", but " +
                           std::to_string(frames) + " are needed: give a longer clip" +
                           (count > 1 ? " or --set frames=" + std::to_string(count) : ""));
}

// --- GIF ------------------------------------------------------------------------------------------------------------

struct GifFrames {
  int64_t height = 0, width = 0, count = 0;
  bool ends_early = false;
};

// Walks over the blocks of a GIF (GIF89a specification, W3C) without decoding any picture, and cuts it after `frames`
// frames. What stb_image gets wrong is settled here:
// - disposal method 3 (back to what was there before the frame) makes it read outside its buffers, and what it does for
//   method 2 (clearing) is just what 3 asks for: 3 becomes 2;
// - it shows the background colour with red and blue exchanged where the first frame draws nothing: index 0 turns that
//   off, and such pixels are black, as other transparent ones.
GifFrames cut_gif(std::string &bytes, int64_t frames, const std::string &path) {
  const auto byte = [&](size_t i) { return i < bytes.size() ? size_t(static_cast<unsigned char>(bytes[i])) : 0; };
  const auto word = [&](size_t i) { return int64_t(byte(i) | byte(i + 1) << 8); };
  const auto table_bytes = [&](size_t flags) { return flags & 0x80 ? size_t{6} << (flags & 7) : 0; };
  const auto corrupt = [&] { return std::runtime_error(path + " is a corrupt GIF"); };

  GifFrames found;
  found.width = word(6);
  found.height = word(8);
  if (found.width == 0 || found.height == 0) throw corrupt();
  size_t at = 13 + table_bytes(byte(10));
  if (at < bytes.size()) bytes[11] = 0;
  while (at < bytes.size() && byte(at) != 0x3B) {
    const bool is_frame = byte(at) == 0x2C;
    if (is_frame) {  // a frame: its window, its colours, then compressed data in sub-blocks
      if (word(at + 1) + word(at + 5) > found.width || word(at + 3) + word(at + 7) > found.height) throw corrupt();
      at += 10 + table_bytes(byte(at + 9)) + 1;
    } else if (byte(at) == 0x21) {  // an extension
      if (byte(at + 1) == 0xF9 && at + 3 < bytes.size()) {
        if (byte(at + 2) != 4) throw corrupt();  // where stb_image would go on elsewhere than this walk
        if ((byte(at + 3) & 0x1C) == 0x0C) bytes[at + 3] ^= 0x04;
      }
      at += 2;
    } else {
      throw corrupt();
    }
    while (byte(at) != 0) at += 1 + byte(at);  // sub-blocks: a length, that many bytes; length 0 ends them
    if (at >= bytes.size()) break;
    ++at;
    if (is_frame && ++found.count == frames) {
      bytes.resize(at);
      bytes.push_back(0x3B);
    }
  }
  found.ends_early = at >= bytes.size();
  return found;
}

void read_gif(const std::string &path, int64_t frames, const Sink &sink) {
  std::string bytes = read_file(path, max_gif_file);
  const GifFrames found = cut_gif(bytes, frames, path);
  if (found.count < frames && found.ends_early)
    throw std::runtime_error(path + " is cut off: it ends after " + std::to_string(found.count) + " whole frames");
  if (found.count < frames) too_short(path, found.count, frames);
  const int64_t frame_bytes = found.height * found.width * 4;
  if (frame_bytes > max_gif_bytes / frames)
    throw std::runtime_error(path + " is too large: " + std::to_string(frames) + " frames of " +
                             std::to_string(found.height) + "x" + std::to_string(found.width) +
                             " pixels do not fit into 1 GiB when decoded");
  const AllocationLimit limit(size_t(frame_bytes * frames));
  int width = 0, height = 0, count = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void *)> pixels(
      stbi_load_gif_from_memory(reinterpret_cast<const stbi_uc *>(bytes.data()), int(bytes.size()), nullptr, &width,
                                &height, &count, &channels, 0),
      stbi_image_free);
  if (!pixels || count < frames || width != found.width || height != found.height)
    throw std::runtime_error(path + " is a corrupt GIF: frame " + std::to_string(pixels ? count + 1 : 1) +
                             " cannot be decoded");
  Image frame(height, width, 3);
  for (int64_t t = 0; t < frames; ++t) {
    const stbi_uc *from = pixels.get() + t * frame_bytes;
    for (int64_t i = 0; i < frame.height * frame.width; ++i) std::copy_n(from + 4 * i, 3, &frame.pixels[size_t(3 * i)]);
    sink(frame);
  }
}

// --- Folder of frames -----------------------------------------------------------------------------------------------

void read_pictures(const std::string &path, const std::vector<std::string> &names, int64_t frames, const Sink &sink) {
  if (int64_t(names.size()) < frames) too_short(path, int64_t(names.size()), frames);
  const auto size = [](const Image &image) { return std::to_string(image.height) + "x" + std::to_string(image.width); };
  std::string first_size;
  for (int64_t t = 0; t < frames; ++t) {
    const std::string &name = names[size_t(t)];
    const Image frame = load_image(name, 3);
    if (t == 0) first_size = size(frame);
    if (size(frame) != first_size)
      throw std::runtime_error(name + " has " + size(frame) + " pixels, but the clip's first frame, " + names[0] +
                               ", has " + first_size);
    sink(frame);
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
                             "give an animated GIF or a folder of frames");
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
      sink(frame);
      continue;
    }
    const int status = ffmpeg.finish();
    if (status != 0 || (t == 0 && !ffmpeg.last_error_line().empty())) ffmpeg.fail(status);
    too_short(path, t, frames);
  }
}

bool is_gif(const std::string &path) {
  char magic[4] = {};
  std::ifstream file(path, std::ios::binary);
  if (!file.read(magic, 4) && !file.eof()) throw std::runtime_error("cannot read " + path);
  return std::string_view(magic, 4) == "GIF8";
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
  if (folder.frames.empty() && clips.empty())
    throw std::runtime_error("the folder " + path +
                             " holds no clip: no pictures, no video files, no folders of pictures");
  if (!folder.frames.empty() && !clips.empty())
    throw std::runtime_error("the folder " + path + " holds pictures (" + folder.frames[0] + ") beside clips (" +
                             clips[0] + "): keep the frames of one clip, or clips, but not both");
  return clips.empty() ? std::vector<std::string>{path} : clips;
}

Clip read_clip(const std::string &path, int64_t frames, int64_t height, int64_t width, const Crop &crop,
               Resize resizing) {
  if (frames < 1 || height < 1 || width < 1) throw std::invalid_argument("read_clip: no frames or no pixels wanted");
  Clip clip;
  const Sink keep = [&](const Image &frame) { clip.push_back(fit(frame, height, width, crop, resizing)); };
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw std::runtime_error("there is no file or folder " + path);
  if (fs::is_directory(status))
    read_pictures(path, list_folder(path).frames, frames, keep);
  else if (!fs::is_regular_file(status))
    throw std::runtime_error(path + " is neither a file nor a folder");
  else if (is_gif(path))
    read_gif(path, frames, keep);
  else if (is_frame_name(path))
    read_pictures(path, {path}, frames, keep);
  else
    read_with_ffmpeg(path, frames, keep);
  return clip;
}

Stretch parse_stretch(const std::string &text) {
  if (text == "frame") return Stretch::frame;
  if (text == "video") return Stretch::video;
  throw std::runtime_error("normalise is \"frame\" or \"video\" for clips, not \"" + text + "\"");
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
    to_reals(bytes.data() + start, count, Normalise::stretch, reals.data() + start);
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
