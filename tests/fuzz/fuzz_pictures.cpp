// Still pictures of every kind, and the texts in PNGs.
#include "data/jpeg_files.h"
#include "data/png_files.h"
#include "data/png_texts.h"
#include "fuzz/fuzz.h"

namespace coopnets {
namespace {

std::vector<Bytes> seeds() {
  const Image colour = smooth(9, 10, 3), grey = noise(6, 7, 1);
  std::vector<Bytes> all = {tiny_gif(),
                            progressive_jpeg(),
                            jpeg_without_its_last_number(),
                            jpeg_that_overflows(),
                            encode(grey, "png"),
                            encode(grey, "ppm"),
                            bytes_of("P2\n2 2\n300\n0 1\n# comment\n2\t9", {})};
  for (const std::string format : {"png", "jpg", "bmp", "tga", "ppm", "psd", "pic", "hdr"})
    all.push_back(encode(colour, format));
  all.push_back(encode(smooth(3, 4, 3), "hdr"));  // which is not coded
  for (const bool little : {false, true}) all.push_back(with_exif(encode(grey, "jpg"), 6, little));
  const PngTexts texts = {{"Software", "x"}, {"coopnets config", "exp=texture\nseed=4\n"}};
  all.push_back(with_texts(encode_png(colour), texts));
  for (const int channels : {2, 4}) {
    Bytes png, tga;
    const Image image = noise(4, 5, channels);
    stbi_write_png_to_func(append_bytes, &png, 5, 4, channels, image.pixels.data(), 5 * channels);
    stbi_write_tga_to_func(append_bytes, &tga, 5, 4, channels, image.pixels.data());
    all.push_back(png), all.push_back(tga);
  }
  // A palette with transparent colours, a transparent grey, 16 bits, rows in seven passes, an iPhone's.
  const auto header = [](uint8_t width, uint8_t height, uint8_t bits, uint8_t kind, uint8_t passes) {
    return Bytes{0, 0, 0, width, 0, 0, 0, height, bits, kind, 0, 0, passes};
  };
  const std::pair<std::string, Bytes> end = {"IEND", {}};
  all.push_back(png_of({{"IHDR", header(3, 1, 2, 3, 0)},
                        {"PLTE", {9, 9, 9, 40, 50, 60, 70, 80, 90}},
                        {"tRNS", {0, 128}},
                        {"IDAT", zlib_stored({0, 0x18})},
                        end}));
  all.push_back(png_of({{"IHDR", header(2, 1, 8, 0, 0)}, {"tRNS", {0, 77}}, {"IDAT", zlib_stored({0, 77, 78})}, end}));
  all.push_back(png_of({{"IHDR", header(1, 1, 16, 0, 0)}, {"IDAT", zlib_stored({0, 0x12, 0x34})}, end}));
  all.push_back(png_of({{"IHDR", header(2, 2, 8, 0, 1)}, {"IDAT", zlib_stored({0, 1, 0, 2, 0, 3, 4})}, end}));
  all.push_back(png_of({{"CgBI", {0x50, 0, 0x20, 2}},
                        {"IHDR", header(2, 1, 8, 6, 0)},
                        {"IDAT", stored_block({0, 30, 20, 10, 255, 30, 25, 20, 128})},
                        end}));
  return all;
}

int read(const Bytes &bytes) {
  const std::string name = "a picture";
  const auto decode = [&](int64_t channels, Alpha alpha) {
    return taken(name, [&] {
      const Image image = decode_image(bytes, name, channels, alpha);
      must(image.size() > 0 && int64_t(image.pixels.size()) == image.size(), "a picture has its pixels");
      must(channels == 0 || image.channels == channels, "a picture has the channels that were asked for");
    });
  };
  const int64_t channels = bytes.size() % 2 ? 1 : 3;
  return decode(0, Alpha::black) + decode(channels, Alpha::white) +
         taken(name, [&] { text_of_png(bytes, "coopnets config", name); });
}

}  // namespace

FuzzTarget pictures_target() { return {"pictures", 2048, seeds, read, repair_png}; }

}  // namespace coopnets
