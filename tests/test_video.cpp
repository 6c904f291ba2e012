#include "data/video.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "clips.h"

namespace coopnets {
namespace {

using VideoGif = Clips;
using VideoFolder = Clips;
using VideoFfmpeg = Clips;
using VideoList = Clips;

GifFrame whole_frame(int width, int height, int colour, int disposal = 0) {
  return {0, 0, width, height, std::vector<uint8_t>(size_t(width * height), uint8_t(colour)), disposal};
}

std::vector<uint8_t> pixel(const Image &image, int64_t row, int64_t column) {
  return {image.at(row, column), image.at(row, column) + 3};
}

// --- GIF ------------------------------------------------------------------------------------------------------------

TEST_F(VideoGif, EveryPixelOfEveryFrame) {
  const int width = 13, height = 11;
  std::vector<GifFrame> frames;
  for (int t = 0; t < 4; ++t) {
    frames.push_back(whole_frame(width, height, 0));
    for (int i = 0; i < width * height; ++i) frames.back().indices[size_t(i)] = uint8_t((i * 7 + t * 31) % 128);
  }
  const std::string path = in_folder("a.gif");
  write_text(path, make_gif(width, height, frames));
  for (int64_t count : {4, 3, 1}) {
    const Clip clip = read_clip(path, count, height, width, {Crop::none});
    ASSERT_EQ(int64_t(clip.size()), count);
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t i = 0; i < width * height; ++i) {
        ASSERT_EQ(pixel(clip[size_t(t)], i / width, i % width), gif_colour(frames[size_t(t)].indices[size_t(i)]));
      }
    }
  }
}

TEST_F(VideoGif, IsCroppedAndResizedAsAPicture) {
  std::vector<GifFrame> frames{whole_frame(30, 20, 0), whole_frame(30, 20, 0)};
  for (int i = 0; i < 600; ++i) frames[0].indices[size_t(i)] = frames[1].indices[size_t(599 - i)] = uint8_t(i % 128);
  write_text(in_folder("a.gif"), make_gif(30, 20, frames));
  const Clip whole = read_clip(in_folder("a.gif"), 2, 20, 30, {Crop::none});
  const Clip small = read_clip(in_folder("a.gif"), 2, 8, 8);
  for (size_t t = 0; t < 2; ++t) EXPECT_EQ(small[t], resize(crop_centre(whole[t], 20, 20), 8, 8));
}

TEST_F(VideoGif, TooFewFramesAreGivenAsTheyAre) {
  write_text(in_folder("short.gif"), make_gif(4, 4, {whole_frame(4, 4, 1), whole_frame(4, 4, 2)}));
  EXPECT_EQ(read_clip(in_folder("short.gif"), 3, 4, 4).size(), 2u);
}

TEST_F(VideoGif, CutAtEveryLength) {
  const std::string path = in_folder("cut.gif"), gif = make_gif(5, 4,
                                                                {whole_frame(5, 4, 1, 3), whole_frame(5, 4, 2, 3),
                                                                 whole_frame(5, 4, 3), whole_frame(5, 4, 4)});
  int read = 0;
  for (size_t length = 0; length < gif.size(); ++length) {
    write_text(path, gif.substr(0, length));
    no_ffmpeg();  // fewer than four bytes are no GIF
    EXPECT_CONTAINS(error_of([&] { read_clip(path, 5, 4, 5); }), path) << length;
    bool refused = false;
    try {
      read += int(read_clip(path, 2, 4, 5).size());
    } catch (const std::runtime_error &error) {
      refused = true;
      EXPECT_CONTAINS(error.what(), path);
    }
    // The last two frames and the end, at 45 bytes or so each, are not needed for the first two.
    EXPECT_EQ(!refused, length >= gif.size() - 1 - 2 * (8 + 10 + 1 + 1 + 22 + 1)) << length;
  }
  EXPECT_LT(0, read);
}

TEST_F(VideoGif, CorruptBytesNeverCrash) {
  const std::string path = in_folder("bad.gif");
  GifFrame interlaced = whole_frame(6, 7, 3, 3);
  const std::string good = make_gif(6, 7, {whole_frame(6, 7, 1, 2), interlaced, interlaced, whole_frame(6, 7, 2)});
  no_ffmpeg();
  int failed = 0, survived = 0;
  const auto attempt = [&](const std::string &gif) {
    write_text(path, gif);
    try {
      for (const Image &frame : read_clip(path, 4, 5, 5)) survived += frame.pixels.size() == 75;
    } catch (const std::runtime_error &) {
      ++failed;
    }
  };
  for (size_t at = 6; at < good.size(); ++at) {
    if (at >= 13 + 20 && at < 13 + 384) continue;  // colours: any are good
    for (int value : {0x00, 0x01, 0x0C, 0x2C, 0x3B, 0x7F, 0x80, 0xFF}) {
      std::string gif = good;
      gif[at] = char(value);
      attempt(gif);
    }
  }
  uint32_t state = 7;
  const auto random = [&state] { return (state = state * 1664525 + 1013904223) >> 8; };
  for (int round = 0; round < 300; ++round) {
    std::string gif = good;
    for (int change = 0; change < 4; ++change) gif[10 + random() % (gif.size() - 10)] = char(random());
    attempt(gif);
  }
  EXPECT_LT(100, failed);
  EXPECT_LT(100, survived);
}

TEST_F(VideoGif, HostileSizesAreRefused) {
  const std::string path = in_folder("huge.gif");
  const GifFrame dot{0, 0, 1, 1, {1}};
  const auto error = [&](const std::string &gif, int64_t frames) {
    write_text(path, gif);
    return error_of([&] { read_clip(path, frames, 4, 4); });
  };
  EXPECT_EQ(error(make_gif(65535, 65535, {dot}), 1), path + " is too large: 65535 x 65535 pixels are more than 2^28");
  EXPECT_EQ(error(make_gif(4096, 4096, std::vector<GifFrame>(40, dot)), 40),
            path + " is too short for the size that it declares, 4096 x 4096 pixels");
  EXPECT_EQ(error(make_gif(0, 5, {dot}), 1), path + " is a corrupt GIF: it has no pixels");
  EXPECT_EQ(error(make_gif(5, 5, {}), 1), path + " has no frame, but 1 is needed");
  EXPECT_EQ(error(make_gif(5, 5, {{0, 0, 2, 1, {1}}}), 1), path + " is a corrupt GIF: frame 1 cannot be decoded");
  EXPECT_EQ(error("GIF8", 1), path + " is cut off: it ends after 0 whole frames");
  // A control block of 8 bytes, in whose midst some readers go on: one sees a second block of 33 bytes, another a
  // control block with disposal method 3 and a comment.
  std::string hiding("\x21\xF9\x08........\x21\xF9\x04\x0C\5\0\0\0\x21\xFE\x17.......................\0", 46);
  std::string gif = make_gif(5, 5, {dot, dot, dot, dot});
  for (size_t at = 0; (at = gif.find("\x21\xF9\x04", at)) != std::string::npos; at += hiding.size()) {
    gif.replace(at, 8, hiding);
  }
  EXPECT_EQ(error(gif, 4), path + " is a corrupt GIF: the control block of frame 1 has not 4 bytes");
}

// --- Folders --------------------------------------------------------------------------------------------------------

TEST(Video, NaturalOrder) {
  std::vector<std::string> names{"f10.png", "f2.png", "f1.png", "f1b.png", "f", "f002b", "a100/2", "a99/10", "f00"};
  std::sort(names.begin(), names.end(), natural_less);
  EXPECT_EQ(names, (std::vector<std::string>{"a99/10", "a100/2", "f", "f00", "f1.png", "f1b.png", "f2.png", "f002b",
                                             "f10.png"}));
  for (const std::string &a : names) {
    EXPECT_FALSE(natural_less(a, a));
    for (const std::string &b : names) EXPECT_FALSE(natural_less(a, b) && natural_less(b, a)) << a << " " << b;
  }
}

TEST_F(VideoFolder, FramesInNaturalOrder) {
  const Clip clip = noise_clip(3, 6, 5);
  save_png(in_folder("frame1.png"), clip[0]);
  save_png(in_folder("frame2.PNG"), clip[1]);
  save_png(in_folder("frame10.png"), clip[2]);
  write_text(in_folder("notes.txt"), "no picture");
  write_text(in_folder(".hidden.png"), "no picture");
  EXPECT_EQ(read_clip(folder, 3, 6, 5), clip);
  EXPECT_EQ(read_clip(folder, 2, 6, 5), (Clip{clip[0], clip[1]}));
  EXPECT_EQ(read_clip(folder, 4, 6, 5), clip);
}

TEST_F(VideoFolder, ABadFrameIsNamed) {
  save_png(in_folder("1.png"), noise_clip(1, 6, 5)[0]);
  save_png(in_folder("2.png"), noise_clip(1, 5, 6)[0]);
  EXPECT_EQ(error_of([&] { read_clip(folder, 2, 4, 4); }),
            in_folder("2.png") + " has 5x6 pixels, but the clip's first frame, " + in_folder("1.png") + ", has 6x5");
  write_text(in_folder("2.png"), read_text(in_folder("2.png")).substr(0, 50));
  EXPECT_CONTAINS(error_of([&] { read_clip(folder, 2, 4, 4); }), in_folder("2.png"));
}

TEST_F(VideoFolder, GreyFramesAndOnePicture) {
  const Image grey = noise_clip(1, 4, 4, 1)[0];
  save_png(in_folder("grey.png"), grey);
  const Clip clip = read_clip(in_folder("grey.png"), 1, 4, 4);
  ASSERT_EQ(clip[0].channels, 3);
  for (int64_t i = 0; i < 48; ++i) ASSERT_EQ(clip[0].pixels[size_t(i)], grey.pixels[size_t(i / 3)]);
  EXPECT_EQ(read_clip(in_folder("grey.png"), 8, 4, 4).size(), 1u);
}

TEST_F(VideoList, WhatAPathStandsFor) {
  const auto make = [&](const std::string &name) {
    std::filesystem::create_directories(std::filesystem::path(in_folder(name)).parent_path());
    write_text(in_folder(name), "x");
  };
  make("one.avi");
  EXPECT_EQ(list_clips(in_folder("one.avi")), std::vector<std::string>{in_folder("one.avi")});
  make("several/b10.gif"), make("several/b9.MP4"), make("several/c/1.png"), make("several/empty/readme.txt");
  make("several/.cache/1.png"), make("several/list.txt");
  EXPECT_EQ(
      list_clips(in_folder("several")),
      (std::vector<std::string>{in_folder("several/b9.MP4"), in_folder("several/b10.gif"), in_folder("several/c")}));
  EXPECT_EQ(list_clips(in_folder("several/c")), std::vector<std::string>{in_folder("several/c")});
  EXPECT_CONTAINS(error_of([&] { list_clips(in_folder("several/empty")); }), "holds no clip");
  make("heic/a.heic");
  EXPECT_CONTAINS(
      error_of([&] { list_clips(in_folder("heic")); }),
      "no folders of pictures; in " + in_folder("heic") + " 1 file ends in .heic, which is not read: convert");
  EXPECT_EQ(error_of([&] { list_clips(in_folder("none")); }), "there is no file or folder " + in_folder("none"));
  make("several/1.png");
  EXPECT_CONTAINS(error_of([&] { list_clips(in_folder("several")); }), "pictures");
}

TEST(Video, WhatIsNoClipIsASentence) {
  EXPECT_EQ(error_of([] { read_clip("/no/such/file.gif", 1, 4, 4); }), "there is no file or folder /no/such/file.gif");
  EXPECT_EQ(error_of([] { read_clip("/dev/zero", 1, 4, 4); }), "/dev/zero is neither a file nor a folder");
}

TEST_F(VideoList, AnEmptyFileIsASentence) {
  for (const char *name : {"a.gif", "a.png", "a.apng", "a.avi"}) {
    write_text(in_folder(name), "");
    EXPECT_EQ(error_of([&] { read_clip(in_folder(name), 32, 4, 4); }),
              in_folder(name) + " is empty: a clip of 32 frames is needed");
  }
  std::filesystem::create_directory(in_folder("none"));
  EXPECT_EQ(error_of([&] { read_clip(in_folder("none"), 2, 4, 4); }),
            in_folder("none") + " has no frame, but 2 are needed");
}

// --- Longer clips ---------------------------------------------------------------------------------------------------

TEST(Video, LoopedOrBackAndForth) {
  Clip clip;
  for (uint8_t t = 0; t < 4; ++t) clip.emplace_back(1, 1, 3, t);
  const auto order = [](const Clip &longer) {
    std::string text;
    for (const Image &frame : longer) text += char('0' + frame.pixels[0]);
    return text;
  };
  EXPECT_EQ(order(lengthened(clip, 11, Short::loop)), "01230123012");
  EXPECT_EQ(order(lengthened(clip, 11, Short::mirror)), "01232101232");
  clip.resize(2);
  EXPECT_EQ(order(lengthened(clip, 5, Short::mirror)), "01010");
  EXPECT_THROW(lengthened(clip, 5, Short::refuse), std::invalid_argument);
  clip.resize(1);
  EXPECT_THROW(lengthened(clip, 5, Short::loop), std::invalid_argument);
  EXPECT_EQ(parse_short("loop"), Short::loop);
  EXPECT_EQ(parse_short("mirror"), Short::mirror);
  EXPECT_EQ(parse_short("refuse"), Short::refuse);
  EXPECT_CONTAINS(error_of([] { parse_short("again"); }), "refuse, loop or mirror");
}

// --- ffmpeg ---------------------------------------------------------------------------------------------------------

std::string ppm(const Image &frame) {
  return "P6\n" + std::to_string(frame.width) + " " + std::to_string(frame.height) + "\n255\n" +
         std::string(frame.pixels.begin(), frame.pixels.end());
}

TEST_F(VideoFfmpeg, FramesComeThroughAPipe) {
  const Clip clip = noise_clip(3, 40, 30);
  fake_ffmpeg("cat \"$here/stream\"");
  write_text(in_folder("bin/stream"), ppm(clip[0]) + ppm(clip[1]) + ppm(clip[2]));
  const std::string path = in_folder("-odd:na me $(touch x);.avi");
  write_text(path, "RIFF");
  EXPECT_EQ(read_clip(path, 3, 40, 30), clip);
  EXPECT_CONTAINS(read_text(in_folder("bin/arguments")), "\n-i\nfile:" + path + "\n");
  EXPECT_CONTAINS(read_text(in_folder("bin/arguments")), "\n-frames:v\n3\n");
  EXPECT_EQ(read_clip(path, 5, 40, 30), clip);
  write_text(in_folder("bin/stream"), ppm(clip[0]) + ppm(clip[1]) + ppm(clip[2]).substr(0, 3000));
  EXPECT_EQ(read_clip(path, 3, 40, 30).size(), 2u);
}

TEST_F(VideoFfmpeg, ItsLastErrorLineIsTold) {
  const std::string path = in_folder("a.avi");
  write_text(path, "RIFF");
  fake_ffmpeg("echo first >&2; echo 'a.avi: Invalid data found' >&2; exit 1");
  EXPECT_EQ(error_of([&] { read_clip(path, 1, 4, 4); }),
            "cannot read " + path + ": ffmpeg said: a.avi: Invalid data found");
  fake_ffmpeg("echo 'no video in it' >&2; exit 0");
  EXPECT_EQ(error_of([&] { read_clip(path, 1, 4, 4); }), "cannot read " + path + ": ffmpeg said: no video in it");
  fake_ffmpeg("printf 'P6\\n4 4\\n255\\nabc'; exit 9");
  EXPECT_EQ(error_of([&] { read_clip(path, 1, 4, 4); }), "cannot read " + path + ": ffmpeg failed with status 9");
}

TEST_F(VideoFfmpeg, WhatIsNoPictureIsRefused) {
  const std::string path = in_folder("a.avi");
  write_text(path, "RIFF");
  for (const char *header :
       {"P5\\n4 4\\n255\\n", "P6\\n0 4\\n255\\n", "P6\\n4 -4\\n255\\n", "P6\\n4 4\\n65535\\n",
        "P6\\n1000000 1000000\\n255\\n", "P6\\n99999999999999999999 4\\n255\\n", "P6\\n", "hello"}) {
    fake_ffmpeg("printf '" + std::string(header) + "'; head -c 100 /dev/zero");
    EXPECT_EQ(error_of([&] { read_clip(path, 1, 4, 4); }),
              "cannot read " + path + ": ffmpeg printed no picture that fits into memory")
        << header;
  }
}

TEST_F(VideoFfmpeg, IsStoppedOnceItIsNotNeeded) {
  const Clip clip = noise_clip(2, 9, 7);
  fake_ffmpeg("echo $$ > \"$here/pid\"; cat \"$here/stream\"; sleep 1000");
  write_text(in_folder("bin/stream"), ppm(clip[0]) + ppm(clip[1]));
  write_text(in_folder("a.avi"), "RIFF");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(read_clip(in_folder("a.avi"), 2, 9, 7), clip);
  EXPECT_LE(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_EQ(kill(std::stoi(read_text(in_folder("bin/pid"))), 0), -1) << "not killed and reaped";
}

TEST_F(VideoFfmpeg, AMissingOneIsASentence) {
  write_text(in_folder("a.avi"), "RIFF");
  no_ffmpeg();
  EXPECT_EQ(error_of([&] { read_clip(in_folder("a.avi"), 2, 9, 7); }),
            "reading " + in_folder("a.avi") +
                " needs the program ffmpeg, which is not installed: install it, or give an animated GIF or PNG, or a "
                "folder of frames");
}

// --- Floats ---------------------------------------------------------------------------------------------------------

TEST(Video, StretchOfEachFrameOrOfTheClip) {
  Clip clip{Image(1, 2, 3, 50), Image(1, 2, 3, 100)};
  clip[0].pixels[4] = 150;
  clip[1].pixels[0] = 200;
  clip[1].pixels[1] = 0;
  const std::vector<real> frames = to_reals(clip, Stretch::frame), video = to_reals(clip, Stretch::video);
  ASSERT_EQ(frames.size(), 12u);
  const real each[12] = {-1, -1, -1, -1, 1, -1, 1, -1, 0, 0, 0, 0};
  const real all[12] = {-.5, -.5, -.5, -.5, .5, -.5, 1, -1, 0, 0, 0, 0};
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_LE(std::abs(frames[i] - each[i]), 1e-6) << i;
    EXPECT_LE(std::abs(video[i] - all[i]), 1e-6) << i;
  }
  for (real value : to_reals(Clip(2, Image(2, 2, 3, 9)), Stretch::frame)) EXPECT_EQ(value, 0);
  const std::vector<real> fixed = to_reals(clip, Stretch::fixed);
  EXPECT_NEAR(fixed[4], 150 / 127.5 - 1, 1e-6);
  EXPECT_NEAR(fixed[7], -1, 1e-6);
  EXPECT_THROW(to_reals(Clip{Image(1, 2, 3), Image(2, 1, 3)}, Stretch::video), std::invalid_argument);
}

TEST(Video, BackToBytes) {
  Clip clip = noise_clip(3, 4, 5);
  clip[1].pixels[0] = 0;
  clip[1].pixels[1] = 255;  // the whole range: nothing is lost
  EXPECT_EQ(to_clip(to_reals(clip, Stretch::video).data(), {1, 3, 4, 5, 3}), clip);
}

}  // namespace
}  // namespace coopnets
