#include "data/image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <stdexcept>

#include "data/bytes.h"
#include "data/picture_files.h"
#include "data/stb.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Image, PngRoundTripKeepsEveryByte) {
  for (const int64_t channels : {1, 3}) {
    const Image image = noise(7, 13, channels);
    EXPECT_EQ(decode_image(encode_png(image), "x"), image);
    TemporaryFolder folder;
    save_png(folder / "a.png", image);
    EXPECT_EQ(load_image(folder / "a.png"), image);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);  // no temporary file is left
  }
}

TEST(Image, ReadsEveryFormat) {
  const Image colour = smooth(24, 20, 3), grey = smooth(24, 20, 1);
  for (const std::string format : {"png", "bmp", "tga", "ppm", "psd", "pic"})
    EXPECT_EQ(decode_image(encode(colour, format), format), colour) << format;
  for (const std::string format : {"png", "tga", "ppm"})
    EXPECT_EQ(decode_image(encode(grey, format), format), grey) << format;
  for (const std::string format : {"jpg", "hdr"}) {
    const Image near = decode_image(encode(colour, format), format);
    ASSERT_EQ(near.shape(), colour.shape());
    for (size_t i = 0; i < near.pixels.size(); ++i) EXPECT_NEAR(near.pixels[i], colour.pixels[i], 12) << format;
  }
  for (const std::string format : {"psd", "pic", "hdr"}) {
    const Image one = decode_image(encode(colour, format), format, 1);
    EXPECT_EQ(one.channels, 1);
    EXPECT_NEAR(one.pixels[77], with_channels(colour, 1).pixels[77], 2) << format;
  }
  const Image narrow = smooth(5, 6, 3);  // stb writes and reads an HDR of less than 8 columns as it is
  for (size_t i = 0; i < narrow.pixels.size(); ++i)
    EXPECT_NEAR(decode_image(encode(narrow, "hdr"), "hdr").pixels[i], narrow.pixels[i], 2);
  const Image gif = decode_image(tiny_gif(), "gif");
  ASSERT_EQ(gif.shape(), (Shape{1, 1, 2, 2, 3}));
  EXPECT_EQ(gif.pixels, (Bytes{255, 0, 0, 0, 0, 255, 0, 0, 255, 255, 0, 0}));
}

TEST(Image, ChannelsAreConverted) {
  const Image grey = noise(5, 6, 1);
  const Image colour = decode_image(encode_png(grey), "x", 3);
  ASSERT_EQ(colour.channels, 3);
  for (int64_t i = 0; i < 30; ++i)
    for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(colour.pixels[size_t(3 * i + c)], grey.pixels[size_t(i)]);
  for (const std::string format : {"png", "ppm"})  // through stb and by ourselves
    EXPECT_EQ(decode_image(encode(colour, format), "x", 1).pixels[7], (256 * int(grey.pixels[7])) >> 8);
  EXPECT_THROW(decode_image(encode_png(grey), "x", 2), std::invalid_argument);
}

TEST(Image, PnmScalesItsLargestValueAndSkipsComments) {
  EXPECT_EQ(decode_image(bytes_of("P5 # comment\n2 2\n#x\n3\n", {0, 1, 2, 3}), "x").pixels, (Bytes{0, 85, 170, 255}));
  EXPECT_EQ(decode_image(bytes_of("P5 2 1 65535\n", {0x80, 0x7F, 0xFF, 0xFF}), "x").pixels, (Bytes{128, 255}));
  EXPECT_EQ(decode_image(bytes_of("P2\n2 2\n3\n0 1\n# comment\n2\t9", {}), "x").pixels, (Bytes{0, 85, 170, 255}));
  const Image two = decode_image(bytes_of("P3 2 1 255\n1 2 3\n40 50 60\n", {}), "x");
  EXPECT_EQ(two.shape(), (Shape{1, 1, 1, 2, 3}));
  EXPECT_EQ(two.pixels, (Bytes{1, 2, 3, 40, 50, 60}));
  for (const std::string bad :
       {"P5", "P5 2", "P5 2 2 255", "P5 2 2 255\nabc", "P5 2 2 0\nabcd", "P5 2 2 70000\nabcd", "P6 99999 99999 255\n",
        "P5 x 1 255\na", "P2 2 1 255\n1", "P2 2 1 255\n1 ", "P2 2 1 255\n1 x 3", "P3 1 1 255\n1 2 99999999999",
        "P2 99999 9999 255\n1", "P5 99999999999999 1 255\n", "P5 0 1 255\n", "P5 -2 1 255\n"})
    EXPECT_THROW(decode_image(bytes_of(bad, {}), "x"), std::runtime_error) << bad;
}

std::string message_of(const std::function<void()> &body) {
  try {
    body();
  } catch (const std::exception &error) {
    return error.what();
  }
  return "no error";
}

TEST(Image, WebPIsNamed) {
  const Bytes webp = bytes_of("RIFF", {4, 0, 0, 0, 'W', 'E', 'B', 'P'});
  EXPECT_NE(message_of([&] { decode_image(webp, "a.jpg"); }).find("a.jpg: it is WebP"), std::string::npos);
  EXPECT_EQ(message_of([&] { decode_image(Bytes(webp.begin(), webp.end() - 1), "a.jpg"); }).find("WebP"),
            std::string::npos);
}

TEST(Image, EveryTruncationIsAnError) {
  for (const std::string format : {"png", "jpg", "bmp", "tga", "ppm", "gif", "psd", "pic", "hdr"}) {
    const Bytes whole = format == "gif" ? tiny_gif() : encode(noise(9, 11, 3), format);
    ASSERT_NO_THROW(decode_image(whole, format));
    // A GIF's first frame and a TGA's pixels are complete before the last bytes of their files.
    const size_t needed = format == "gif" ? whole.size() - 1 : whole.size();
    for (size_t length = 0; length < needed; ++length)
      EXPECT_THROW(decode_image(Bytes(whole.begin(), whole.begin() + int64_t(length)), "x"), std::runtime_error)
          << format << " cut to " << length << " of " << whole.size();
  }
}

TEST(Image, DamagedFilesNeverCrash) {
  for (const std::string format : {"png", "jpg", "bmp", "tga", "ppm", "gif", "psd", "pic", "hdr"}) {
    const Bytes whole = format == "gif" ? tiny_gif() : encode(smooth(17, 9, 3), format);
    Dice dice(3);
    for (int trial = 0; trial < 600; ++trial) {
      Bytes damaged = whole;
      for (int flips = 1 + int(dice(4)); flips > 0; --flips) {
        const size_t end = trial % 2 ? damaged.size() : std::min<size_t>(damaged.size(), 64);  // headers matter most
        damaged[dice(uint32_t(end))] ^= uint8_t(1 + dice(255));
      }
      if (format == "png" && trial % 3) repair_png(damaged);  // beyond the CRC, into the decoder
      decode_damaged(damaged);
    }
  }
}

TEST(Image, PngWithAWrongCrcIsCorrupt) {
  Bytes png = encode_png(noise(8, 8, 3));
  png[60] ^= 1;
  EXPECT_THROW(decode_image(png, "x"), std::runtime_error);
}

TEST(Image, HostileSizesAreRefusedBeforeAnythingIsAllocated) {
  Bytes png = encode_png(noise(4, 4, 1));
  for (const uint32_t side : {0u, 20000u, 0x00FFFFFFu, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    for (int byte = 0; byte < 4; ++byte)
      png[size_t(16 + byte)] = png[size_t(20 + byte)] = uint8_t(side >> (24 - 8 * byte));
    repair_png(png);
    EXPECT_THROW(decode_image(png, "x"), std::runtime_error) << side;
  }
  for (const size_t at : {16, 20}) png[at] = png[at + 1] = 0, png[at + 2] = 0x75, png[at + 3] = 0x30;  // 30000
  repair_png(png);
  EXPECT_EQ(message_of([&] { decode_image(png, "x"); }),
            "cannot read the picture x: 30000 x 30000 pixels are more than 2^28");
  // A zip bomb: a picture of 4 x 4 whose data inflates to 4 MiB is stopped by what 4 x 4 pixels can need.
  Bytes bomb = encode_png(Image(2048, 2048, 1));
  for (const size_t at : {16, 20}) bomb[at] = bomb[at + 1] = bomb[at + 2] = 0, bomb[at + 3] = 4;
  repair_png(bomb);
  EXPECT_THROW(decode_image(bomb, "x"), std::runtime_error);
  Bytes bmp = encode(noise(4, 4, 3), "bmp");
  bmp[18 + 2] = bmp[22 + 2] = 0xFF;
  EXPECT_THROW(decode_image(bmp, "x"), std::runtime_error);
}

// A table of 16 x 255 symbols would be written beyond its end by stb_image 2.27.
TEST(Image, AJpegWithAnOversizedHuffmanTableIsRefused) {
  Bytes jpeg = {0xFF, 0xD8, 0xFF, 0xC4, 0x10, 0x03, 0x00};
  jpeg.resize(7 + 16, 255);
  jpeg.resize(4 + 0x1003 - 2, 7);
  const Bytes rest = encode(noise(8, 8, 3), "jpg");
  jpeg.insert(jpeg.end(), rest.begin() + 2, rest.end());
  EXPECT_EQ(message_of([&] { decode_image(jpeg, "x"); }),
            "cannot read the picture x: the JPEG is corrupt (Huffman table)");
}

// stb_image 2.27 would read zeros for ever, and convert pixels that are not there.
TEST(Image, AnHdrRunOfNothingAndAPicOfAnotherKindAreRefused) {
  const std::string header = "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 8\n";
  EXPECT_EQ(message_of([&] {
              decode_image(bytes_of(header, {2, 2, 0, 8, 0}), "x");
            }),
            "cannot read the picture x: the HDR is corrupt (a run's length)");
  EXPECT_EQ(message_of([&] {
              decode_image(bytes_of(header, {2, 2, 0, 9, 136, 1}), "x");
            }),
            "cannot read the picture x: the HDR is corrupt (a scan line's width)");
  EXPECT_EQ(message_of([&] {
              decode_image(bytes_of(header, {2, 2, 0, 8, 136, 1, 136}), "x");
            }),
            "cannot read the picture x: it ends early");
  EXPECT_EQ(message_of([&] { decode_image(bytes_of("#?RADIANCE\n\n+Y 1 +X 8\n", {}), "x"); }),
            "cannot read the picture x: the HDR has no '-Y height +X width'");
  EXPECT_NO_THROW(decode_image(bytes_of(header, {2, 2, 0, 8, 136, 1, 136, 2, 136, 3, 136, 128}), "x"));
  Bytes picture = encode(smooth(4, 5, 3), "pic");
  picture[104 + 2] = 9;  // the packet's kind of compression
  EXPECT_EQ(message_of([&] { decode_image(picture, "x", 1); }),
            "cannot read the picture x: packet has bad compression type");
}

TEST(Image, ErrorsNameTheFileAndTheReason) {
  TemporaryFolder folder;
  EXPECT_EQ(message_of([&] { load_image(folder / "none.png"); }),
            "cannot open " + (folder / "none.png") + ": No such file or directory");
  EXPECT_EQ(message_of([&] { load_image(folder.path); }), "cannot read " + folder.path + ": it is not a file");
  write_bytes(folder / "empty.png", {});
  EXPECT_NE(message_of([&] { load_image(folder / "empty.png"); }).find("it is empty"), std::string::npos);
  write_bytes(folder / "text.png", bytes_of("This is a sentence, not a picture.", {}));
  EXPECT_NE(message_of([&] { load_image(folder / "text.png"); }).find("text.png: it is truncated or no PNG, JPEG"),
            std::string::npos);
  Bytes jpeg = encode(noise(16, 16, 3), "jpg");
  jpeg.resize(jpeg.size() / 2 + 200);
  EXPECT_NE(message_of([&] { decode_image(jpeg, "half.jpg"); }).find("half.jpg: it ends early"), std::string::npos);
}

TEST(Image, SavingFailsWithASentenceAndKeepsWhatWasThere) {
  EXPECT_THROW(save_png("/nonexistent/folder/a.png", noise(2, 2, 1)), std::runtime_error);
  EXPECT_THROW(encode_png(Image()), std::invalid_argument);
  TemporaryFolder folder;
  std::filesystem::create_directories(folder / "taken.png/inside");
  EXPECT_THROW(save_png(folder / "taken.png", noise(2, 2, 1)), std::runtime_error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);
}

TEST(Image, KnowsPicturesByTheirNames) {
  EXPECT_TRUE(has_image_name("a/b.c/x.PNG"));
  EXPECT_TRUE(has_image_name("x.jpeg"));
  EXPECT_TRUE(has_image_name("x.hdr") && has_image_name("x.psd") && has_image_name("x.pic"));
  EXPECT_FALSE(has_image_name("a.png/readme"));
  EXPECT_FALSE(has_image_name("png"));
  EXPECT_FALSE(has_image_name("x.png.txt"));
}

// The naive statement: the mean of the picture, constant on each pixel, over the area of the output pixel.
double area_mean(const Image &image, double top, double bottom, double left, double right, int64_t channel) {
  double sum = 0;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      const double h = std::min(bottom, double(y + 1)) - std::max(top, double(y));
      const double w = std::min(right, double(x + 1)) - std::max(left, double(x));
      if (h > 0 && w > 0) sum += h * w * image.at(y, x)[channel];
    }
  return sum / ((bottom - top) * (right - left));
}

TEST(Image, ShrinkingIsTheAreaMean) {
  const Image image = noise(37, 23, 3);
  for (const auto &[height, width] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 7}, {36, 22}, {37, 11}, {18, 23}}) {
    const Image small = resize(image, height, width);
    const double h = 37.0 / double(height), w = 23.0 / double(width);
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j)
        for (int64_t c = 0; c < 3; ++c) {
          const double mean = area_mean(image, double(i) * h, double(i + 1) * h, double(j) * w, double(j + 1) * w, c);
          EXPECT_LE(std::abs(small.at(i, j)[c] - mean), 0.5 + 1e-9)
              << height << "x" << width << " at " << i << "," << j;
        }
  }
  Image ties(2, 2, 1);
  ties.pixels = {0, 1, 1, 0};
  EXPECT_EQ(resize(ties, 1, 1).pixels, Bytes{1});  // 1/2 is rounded up
}

TEST(Image, GrowingIsBilinear) {
  Image line(1, 3, 1);
  line.pixels = {0, 100, 40};
  EXPECT_EQ(resize(line, 1, 6).pixels, (Bytes{0, 25, 75, 85, 55, 40}));
  EXPECT_EQ(resize(line, 2, 3).pixels, (Bytes{0, 100, 40, 0, 100, 40}));
  Image one(1, 1, 3);
  one.pixels = {1, 2, 3};
  EXPECT_EQ(resize(one, 2, 1).pixels, (Bytes{1, 2, 3, 1, 2, 3}));
  // Each axis by itself: the transposed picture gives the transposed result, whether an axis grows or shrinks.
  const Image image = noise(9, 14, 1);
  const Image there = resize(transposed(image), 31, 4), back = transposed(resize(image, 4, 31));
  EXPECT_EQ(there, back);
  EXPECT_EQ(resize(Image(5, 9, 1, 77), 17, 3), Image(17, 3, 1, 77));
  EXPECT_THROW(resize(image, 0, 4), std::invalid_argument);
  EXPECT_THROW(resize(image, int64_t{1} << 40, int64_t{1} << 40), std::invalid_argument);
}

TEST(Image, Crops) {
  const Image image = noise(6, 10, 3);
  const Image window = crop(image, 2, 3, 4, 5);
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 5; ++j) EXPECT_EQ(window.at(i, j)[1], image.at(i + 2, j + 3)[1]);
  EXPECT_EQ(crop_centre(image, 4, 4), crop(image, 1, 3, 4, 4));
  EXPECT_THROW(crop(image, 3, 0, 4, 1), std::invalid_argument);
  EXPECT_THROW(crop(image, -1, 0, 1, 1), std::invalid_argument);
  EXPECT_THROW(crop(image, 0, 0, 1, INT64_MAX), std::invalid_argument);

  EXPECT_EQ(fit(image, 3, 3), resize(crop(image, 0, 2, 6, 6), 3, 3));
  EXPECT_EQ(fit(image, 6, 3), crop(image, 0, 3, 6, 3));
  EXPECT_EQ(fit(image, 4, 4, parse_crop("4")), crop(image, 1, 3, 4, 4));
  EXPECT_EQ(fit(image, 8, 8, parse_crop("none")), resize(image, 8, 8));
  EXPECT_EQ(fit(image, 4, 4, parse_crop("size")), crop(image, 1, 3, 4, 4));
  EXPECT_EQ(fit(image, 7, 7, parse_crop("size")), fit(image, 7, 7));  // smaller than 7 x 7: as centre
  EXPECT_THROW(fit(image, 4, 4, parse_crop("7")), std::runtime_error);
  for (const std::string bad : {"", "0", "-3", "4x", "middle", "99999999999999999999"})
    EXPECT_THROW(parse_crop(bad), std::runtime_error);
}

TEST(Image, ToRealsAndBack) {
  Bytes all(256);
  for (int i = 0; i < 256; ++i) all[size_t(i)] = uint8_t(i);
  std::vector<real> values(256);
  for (const Normalise how : {Normalise::fixed, Normalise::stretch}) {  // the same when 0 and 255 occur
    to_reals(all.data(), 256, how, values.data());
    EXPECT_EQ(values[0], -1);
    EXPECT_EQ(values[255], 1);
    EXPECT_NEAR(values[100], 100 / 127.5 - 1, 1e-7);
    EXPECT_EQ(to_image(values.data(), 16, 16, 1).pixels, all);
  }
  const Bytes narrow = {50, 100, 60};
  to_reals(narrow.data(), 3, Normalise::stretch, values.data());
  EXPECT_EQ(values[0], -1);
  EXPECT_EQ(values[1], 1);
  EXPECT_NEAR(values[2], -0.6, 1e-6);
  const Bytes constant = {7, 7};
  to_reals(constant.data(), 2, Normalise::stretch, values.data());
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 0);

  const std::vector<real> odd = {-3, 3, std::numeric_limits<real>::quiet_NaN(), std::numeric_limits<real>::infinity(),
                                 0};
  EXPECT_EQ(to_image(odd.data(), 1, 5, 1).pixels, (Bytes{0, 255, 0, 255, 128}));
  const std::vector<real> faint = {real(0.5), real(0.75), 1};
  EXPECT_EQ(to_image(faint.data(), 1, 3, 1, true).pixels, (Bytes{0, 128, 255}));
  EXPECT_EQ(parse_normalise("fixed"), Normalise::fixed);
  EXPECT_THROW(parse_normalise("none"), std::runtime_error);
}

TEST(Image, GridIsNearlySquareWithGaps) {
  std::vector<Image> images;
  for (int i = 0; i < 5; ++i) images.emplace_back(2, 3, 1, uint8_t(i));
  const Image sheet = grid(images, 0, 1, 200);
  ASSERT_EQ(sheet.shape(), (Shape{1, 1, 2 * 2 + 1, 3 * 3 + 2, 1}));
  EXPECT_EQ(sheet.pixels, (Bytes{0,   0,   0,   200, 1,   1,   1,   200, 2,   2,   2,    //
                                 0,   0,   0,   200, 1,   1,   1,   200, 2,   2,   2,    //
                                 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200,  //
                                 3,   3,   3,   200, 4,   4,   4,   200, 200, 200, 200,  //
                                 3,   3,   3,   200, 4,   4,   4,   200, 200, 200, 200}));
  EXPECT_EQ(grid(images, 9, 0).width, 15);  // no more columns than pictures
  EXPECT_EQ(grid(images, 1, 0).height, 10);
  images.emplace_back(3, 2, 1);
  EXPECT_THROW(grid(images), std::invalid_argument);
  EXPECT_THROW(grid({}), std::invalid_argument);
}

TEST(Bytes, Crc32HasItsPublishedValue) {
  const Bytes digits = bytes_of("123456789", {});
  EXPECT_EQ(crc32(digits.data(), 9), 0xCBF43926u);
  EXPECT_EQ(crc32(digits.data() + 4, 5, crc32(digits.data(), 4)), 0xCBF43926u);
}

}  // namespace
}  // namespace coopnets
