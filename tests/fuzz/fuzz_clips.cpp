// Clips: animated GIFs and PNGs, and the stream of pictures that ffmpeg prints.
#include "clips.h"
#include "data/animated_png.h"
#include "data/animated_png_files.h"
#include "data/animation.h"
#include "data/gif.h"
#include "fuzz/fuzz.h"

namespace coopnets {
namespace {

GifFrame window(int left, int top, int width, int height, int disposal) {
  GifFrame frame{left, top, width, height, {}, disposal};
  for (int i = 0; i < width * height; ++i) frame.indices.push_back(uint8_t(5 * i % 128));
  return frame;
}

std::vector<Bytes> seeds() {
  using namespace apng;
  GifFrame partly = window(1, 1, 3, 2, 2), rows = window(0, 0, 5, 4, 3);
  partly.transparent = 5;
  partly.colours = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  rows.interlaced = true;
  const std::string gif = make_gif(5, 4, {window(0, 0, 5, 4, 1), partly, rows, window(3, 3, 4, 4, 0)});
  const Drawn red{0, 0, 4, 3, "rrrrrrrrrrrr"};
  const std::vector<Drawn> frames = {red, {1, 1, 2, 2, "g  g", back, over}, {0, 0, 3, 1, "rgb", clear}};
  const std::string stream = "P6\n2 1\n255\nabcdefP6\n2 1\n255\nghijkl";
  return {Bytes(gif.begin(), gif.end()),
          tiny_gif(),
          make_apng(4, 3, frames),
          make_apng(4, 3, frames, true),
          encode_apng(noise_clip(2, 3, 4)),
          encode_png(smooth(3, 4, 3)),
          Bytes(stream.begin(), stream.end())};
}

// The first ffmpeg on PATH from now on prints the file that it is to read.
void stand_in_for_ffmpeg() {
  const std::string script = "#!/bin/sh\nwhile [ \"$1\" != -i ]; do shift; done\nexec cat \"${2#file:}\"\n";
  const std::filesystem::path file = input_file("bin/ffmpeg", Bytes(script.begin(), script.end()));
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  setenv("PATH", (file.parent_path().string() + ":" + std::getenv("PATH")).c_str(), 1);
}

int read(const Bytes &bytes) {
  [[maybe_unused]] static const bool once = (stand_in_for_ffmpeg(), true);
  const std::string path = input_file("clip", bytes);
  int64_t shown = 0;
  const auto sink = [&](const Image &frame, int64_t milliseconds) {
    must(frame.size() > 0 && int64_t(frame.pixels.size()) == frame.size(), "a frame has its pixels");
    must(milliseconds > 10, "a frame is shown for more than 10 ms");
    ++shown;
  };
  const auto all = [&](const auto &reader) {
    return taken(path, [&] {
      shown = 0;
      must(reader(path, 1000, sink) == shown, "as many frames are counted as are given");
    });
  };
  const auto cropped = [&] {
    return taken(path, [&] {
      const Clip clip = read_clip(path, 4, 8, 8, {Crop::target, 0});
      must(!clip.empty() && clip.size() <= 4 && clip.back().height == 8, "a clip has the size that was asked for");
    });
  };
  return all(read_gif) + (is_animated_png(path) ? all(read_animated_png) : 0) + cropped();
}

}  // namespace

FuzzTarget clips_target() { return {"clips", 2048, seeds, read, repair_png}; }

}  // namespace coopnets
