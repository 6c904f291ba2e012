#include "data/animation.h"

#include <filesystem>
#include <stdexcept>

#include "data/png_chunks.h"
#include "data/process.h"
#include "tensor/file.h"

namespace coopnets {
namespace {

constexpr size_t max_mp4_bytes = size_t{1} << 30;

void check(const Clip &clip, int milliseconds) {
  if (clip.empty()) throw std::invalid_argument("a clip without frames cannot be written");
  for (const Image &frame : clip) {
    if (frame.shape() != clip[0].shape()) throw std::invalid_argument("a clip's frames differ in shape");
  }
  if (milliseconds < 1 || milliseconds > 65535) throw std::invalid_argument("a frame lasts 1 to 65535 milliseconds");
}

void check_alike(const std::vector<Clip> &clips) {
  for (const Clip &clip : clips) {
    check(clip, 1);
    if (clip.size() != clips[0].size() || clip[0].shape() != clips[0][0].shape())
      throw std::invalid_argument("clips that are shown together differ in length or shape");
  }
  if (clips.empty()) throw std::invalid_argument("no clip to show");
}

using Bytes = std::vector<uint8_t>;

void append_short(Bytes &to, uint32_t number) {
  to.push_back(uint8_t(number >> 8));
  to.push_back(uint8_t(number));
}

// The compressed pixels of a PNG file: what its chunks IDAT hold.
Bytes compressed_pixels(const Bytes &png) {
  Bytes data;
  size_t at = png_signature.size();
  for (PngChunk chunk; next_chunk(png, at, chunk);)
    if (chunk.is("IDAT")) data.insert(data.end(), chunk.data, chunk.data + chunk.length);
  return data;
}

}  // namespace

Bytes encode_apng(const Clip &clip, int milliseconds) {
  check(clip, milliseconds);
  Bytes file;
  uint32_t sequence = 0;  // one count over fcTL and fdAT
  for (size_t t = 0; t < clip.size(); ++t) {
    const Bytes png = encode_png(clip[t]);  // every frame is compressed as a picture is, then put into chunks anew
    if (t == 0) {
      file.assign(png.begin(), png.begin() + png_header_end);
      Bytes animation;
      append_number(animation, uint32_t(clip.size()));
      append_number(animation, 0);  // plays: without end
      append_chunk(file, "acTL", animation);
    }
    Bytes control;
    append_number(control, sequence++);
    append_number(control, uint32_t(clip[t].width));
    append_number(control, uint32_t(clip[t].height));
    append_number(control, 0);  // left
    append_number(control, 0);  // top
    append_short(control, uint32_t(milliseconds));
    append_short(control, 1000);  // delay = milliseconds / 1000 s
    append_short(control, 0);     // two bytes: leave the frame as it is; the next one overwrites it
    append_chunk(file, "fcTL", control);
    const Bytes pixels = compressed_pixels(png);
    if (t == 0) {
      append_chunk(file, "IDAT", pixels);
    } else {
      Bytes numbered;
      append_number(numbered, sequence++);
      numbered.insert(numbered.end(), pixels.begin(), pixels.end());
      append_chunk(file, "fdAT", numbered);
    }
  }
  append_chunk(file, "IEND", Bytes());
  return file;
}

Clip side_by_side(const std::vector<Clip> &clips, int64_t columns, int64_t gap) {
  check_alike(clips);
  Clip together;
  for (size_t t = 0; t < clips[0].size(); ++t) {
    std::vector<Image> frames;
    for (const Clip &clip : clips) frames.push_back(clip[t]);
    together.push_back(grid(frames, columns > 0 ? columns : int64_t(frames.size()), gap));
  }
  return together;
}

Image strip(const std::vector<Clip> &clips, int64_t every, int64_t gap) {
  check_alike(clips);
  if (every < 1) throw std::invalid_argument("strip: every < 1");
  std::vector<Image> frames;
  for (const Clip &clip : clips) {
    for (size_t t = 0; t < clip.size(); t += size_t(every)) frames.push_back(clip[t]);
  }
  return grid(frames, int64_t(frames.size() / clips.size()), gap);
}

bool can_save_mp4() { return on_path("ffmpeg"); }

void save_mp4(const std::string &path, const Clip &clip, int milliseconds) {
  check(clip, milliseconds);
  if (clip[0].channels != 1 && clip[0].channels != 3) throw std::invalid_argument("frames have 1 or 3 channels");
  if (!can_save_mp4())
    throw std::runtime_error("cannot write " + path + ": the program ffmpeg, which makes mp4, is not installed");
  struct Temporary {
    std::string path;
    ~Temporary() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  } const made{path + ".ffmpeg"};
  const std::string size = std::to_string(clip[0].width) + "x" + std::to_string(clip[0].height);
  Process ffmpeg({"ffmpeg",
                  "-v",
                  "error",
                  "-y",
                  "-f",
                  "rawvideo",
                  "-pixel_format",
                  clip[0].channels == 1 ? "gray" : "rgb24",
                  "-video_size",
                  size,
                  "-framerate",
                  "1000/" + std::to_string(milliseconds),
                  "-i",
                  "pipe:0",
                  "-vf",
                  "pad=ceil(iw/2)*2:ceil(ih/2)*2",
                  "-pix_fmt",
                  "yuv420p",
                  "-movflags",
                  "+faststart",
                  "-f",
                  "mp4",
                  "file:" + made.path},
                 "cannot write " + path);
  for (const Image &frame : clip) {
    if (!ffmpeg.write(frame.pixels.data(), frame.pixels.size())) break;  // its status tells why
  }
  if (const int status = ffmpeg.finish()) ffmpeg.fail(status);
  write_atomically(path, read_file(made.path, max_mp4_bytes));
}

}  // namespace coopnets
