// Pictures from files and to files.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "data/bytes.h"
#include "data/exif.h"
#include "data/png_chunks.h"
#include "data/png_texts.h"
#include "data/stb.h"

namespace coopnets {
namespace {

constexpr char pic_magic[] = "\x53\x80\xF6\x34";

[[noreturn]] void fail(const std::string &name, const std::string &why) {
  throw std::runtime_error("cannot read the picture " + name + ": " + why);
}

void check_size(const std::string &name, int64_t height, int64_t width) {
  if (height < 1 || width < 1) fail(name, "it has no pixels");
  if (height > max_pixels || width > max_pixels / height)
    fail(name, std::to_string(width) + " x " + std::to_string(height) + " pixels are more than 2^28");
}

bool has_at(const std::vector<uint8_t> &bytes, size_t at, const std::string &what) {
  return bytes.size() >= at + what.size() && std::memcmp(bytes.data() + at, what.data(), what.size()) == 0;
}

bool starts_with(const std::vector<uint8_t> &bytes, const std::string &magic) { return has_at(bytes, 0, magic); }

// What people have under a picture's name, and what to do about it. Files that begin by their size have their mark later.
void refuse_known_strangers(const std::vector<uint8_t> &bytes, const std::string &name) {
  struct Stranger {
    size_t at;
    std::string mark;
    const char *what;
  };
  static const Stranger strangers[] = {{8, "WEBP", "it is WebP"},
                                       {4, "ftypavif", "it is AVIF"},
                                       {4, "ftypavis", "it is AVIF"},
                                       {4, "ftyphei", "it is HEIC"},
                                       {4, "ftyphev", "it is HEIC"},
                                       {4, "ftypmif1", "it is HEIC"},
                                       {4, "ftypmsf1", "it is HEIC"},
                                       {0, "\xFF\x0A", "it is JPEG XL"},
                                       {4, "JXL ", "it is JPEG XL"},
                                       {4, "jP  ", "it is JPEG 2000"},
                                       {0, "\xFF\x4F\xFF\x51", "it is JPEG 2000"},
                                       {0, std::string("II*\0", 4), "it is TIFF"},
                                       {0, std::string("MM\0*", 4), "it is TIFF"},
                                       {0, "P1", "it is PBM"},
                                       {0, "P4", "it is PBM"},
                                       {0, "P7", "it is PAM"}};
  for (const Stranger &stranger : strangers)
    if (has_at(bytes, stranger.at, stranger.mark) && (stranger.at != 8 || has_at(bytes, 0, "RIFF")))
      fail(name, std::string(stranger.what) + ", whatever its name, which is not read: convert it to PNG or JPEG");
  if (has_at(bytes, 0, "version https://git-lfs"))
    fail(name, "it is a pointer of Git LFS: 'git lfs pull' fetches the picture");
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 64); ++i) text += char(std::tolower(bytes[i]));
  const size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != std::string::npos && (text.compare(first, 9, "<!doctype") == 0 || text.compare(first, 5, "<html") == 0))
    fail(name, "it is a web page: what was fetched is not the picture");
}

// stb_image checks no CRC. One that differs matters in chunks without which there is no picture. Whether it has transparent
// colours.
bool check_png(const std::vector<uint8_t> &bytes, const std::string &name) {
  bool transparent = false;
  visit_png_chunks(bytes, name, [&](const PngChunk &chunk) {
    if (chunk.is_critical() && !chunk.intact) fail(name, "the PNG is corrupt (a CRC differs)");
    if (chunk.is("IHDR") && chunk.length >= 8)  // stb_image calls one that is too large unknown
      check_size(name, big_endian32(chunk.data + 4), big_endian32(chunk.data));
    transparent = transparent || chunk.letters == "tRNS";
  });
  return transparent;
}

// stb_image 2.27 writes beyond its table for a Huffman code of more than 256 symbols, and decodes zeros to the end of a
// truncated picture. Walks the markers as stb does: segments by their length, the coded data after SOS by looking for
// the next ff that is followed by neither 00 (a literal ff) nor d0 ... d7 (restarts).
void check_jpeg(const std::vector<uint8_t> &bytes, const std::string &name) {
  enum Marker { dht = 0xC4, jpg = 0xC8, arithmetic = 0xC9, dac = 0xCC, eoi = 0xD9 };
  const size_t size = bytes.size();
  for (size_t at = 2;;) {
    while (at + 1 < size &&
           !(bytes[at] == 0xFF && bytes[at + 1] != 0xFF && bytes[at + 1] != 0 && bytes[at + 1] >> 3 != 0x1A))
      ++at;
    if (at + 1 >= size) fail(name, "it ends early");
    const int marker = bytes[at + 1];
    if (marker == eoi) return;
    if (at + 4 > size) fail(name, "it ends early");
    const size_t length = size_t(bytes[at + 2] << 8 | bytes[at + 3]), end = at + 2 + length;
    if (length < 2 || end > size) fail(name, "it ends early or is corrupt (JPEG)");
    if (marker >= 0xC0 && marker <= 0xCF && marker != dht && marker != jpg && marker != dac) {  // a frame's header
      const std::string convert = ", which is not read: convert it to an ordinary one";
      if (marker >= arithmetic) fail(name, "it is a JPEG with arithmetic coding" + convert);
      if (marker > 0xC2) fail(name, "it is a lossless or hierarchical JPEG" + convert);
      if (length > 2 && bytes[at + 4] != 8)
        fail(name, "it is a JPEG of " + std::to_string(bytes[at + 4]) + " bits a sample" + convert);
    }
    if (marker == dht) {  // tables: class and number, 16 counts of codes by length, as many symbols
      for (size_t table = at + 4; table < end;) {
        if (table + 17 > end) fail(name, "the JPEG is corrupt (Huffman table)");
        size_t symbols = 0;
        for (size_t i = 1; i <= 16; ++i) symbols += bytes[table + i];
        if (symbols > 256) fail(name, "the JPEG is corrupt (Huffman table)");
        table += 17 + symbols;
      }
    }
    at = end;
  }
}

// A JPEG that check_jpeg() has seen, without the restart markers that mean nothing, at which stb_image stops: all of them
// where no interval is declared (DRI), and those that no coded data follow. Empty where there are none.
std::vector<uint8_t> without_stray_restarts(const std::vector<uint8_t> &bytes) {
  enum Marker { eoi = 0xD9, dri = 0xDD };
  std::vector<uint8_t> kept;
  bool declared = false;
  size_t copied = 0;
  for (size_t at = 2; at + 3 < bytes.size();) {
    const int marker = bytes[at + 1];
    if (bytes[at] != 0xFF || marker == 0 || marker == 0xFF) {
      ++at;
    } else if (marker >> 3 == 0x1A) {
      if (!declared || (bytes[at + 2] == 0xFF && bytes[at + 3] != 0)) {
        kept.insert(kept.end(), bytes.begin() + ptrdiff_t(copied), bytes.begin() + ptrdiff_t(at));
        copied = at + 2;
      }
      at += 2;
    } else if (marker == eoi) {
      break;
    } else {
      const size_t length = size_t(bytes[at + 2] << 8 | bytes[at + 3]);
      if (marker == dri && length == 4) declared = (bytes[at + 4] | bytes[at + 5]) != 0;
      at += 2 + length;
    }
  }
  if (copied > 0) kept.insert(kept.end(), bytes.begin() + ptrdiff_t(copied), bytes.end());
  return kept;
}

// stb_image 2.27 reads zeros for ever beyond the end of a truncated scan line (CVE-2021-42715). Walks a Radiance HDR:
// lines of text up to an empty one, "-Y height +X width", then scan lines, each 2 2 and its width in two bytes, and for
// each of four channels counts with their bytes: up to 128 literal ones, or one to be repeated (count - 128) times.
// Without 2 2 all pixels follow as they are, four bytes each.
void check_hdr(const std::vector<uint8_t> &bytes, const std::string &name) {
  const std::string text(bytes.begin(), bytes.begin() + int64_t(std::min<size_t>(bytes.size(), 1 << 16)));
  const size_t blank = text.find("\n\n");
  const size_t end_of_size = blank == std::string::npos ? blank : text.find('\n', blank + 2);
  if (end_of_size == std::string::npos) fail(name, "it ends early");
  long long height = 0, width = 0;
  if (std::sscanf(text.c_str() + blank + 2, "-Y %9lld +X %9lld", &height, &width) != 2)
    fail(name, "the HDR has no '-Y height +X width'");
  check_size(name, height, width);
  size_t at = end_of_size + 1;
  const auto next = [&] {
    if (at == bytes.size()) fail(name, "it ends early");
    return int64_t(bytes[at++]);
  };
  const bool coded = width >= 8 && width < 32768 && at + 3 <= bytes.size() && bytes[at] == 2 && bytes[at + 1] == 2 &&
                     bytes[at + 2] < 128;
  if (!coded) {
    if (int64_t(bytes.size() - at) < 4 * height * width) fail(name, "it ends early");
    return;
  }
  for (int64_t row = 0; row < height; ++row) {
    const int64_t two = next(), again = next(), high = next(), low = next();
    if (two != 2 || again != 2 || (high << 8 | low) != width) fail(name, "the HDR is corrupt (a scan line's width)");
    for (int channel = 0; channel < 4; ++channel)
      for (int64_t left = width; left > 0;) {
        const int64_t count = next(), pixels = count > 128 ? count - 128 : count;
        if (pixels == 0 || pixels > left) fail(name, "the HDR is corrupt (a run's length)");
        for (int64_t literal = count > 128 ? 1 : pixels; literal > 0; --literal) next();
        left -= pixels;
      }
  }
}

// PGM and PPM: "P5" or "P6", width, height, largest value, one white space, samples (two bytes, high first, when the
// largest value exceeds 255); plain ones, "P2" or "P3", have samples in decimal. They are scaled so that the largest
// value is 255, rounded half up.
Image decode_pnm(const std::vector<uint8_t> &bytes, const std::string &name) {
  size_t at = 2;
  const auto number = [&] {
    while (at < bytes.size() && (std::isspace(bytes[at]) || bytes[at] == '#')) {
      if (bytes[at] == '#')
        while (at < bytes.size() && bytes[at] != '\n' && bytes[at] != '\r') ++at;
      else
        ++at;
    }
    if (at == bytes.size()) fail(name, "it ends early");
    if (!std::isdigit(bytes[at])) fail(name, "the PNM has no number where one belongs");
    int64_t value = 0;
    for (const size_t first = at; at < bytes.size() && std::isdigit(bytes[at]); ++at) {
      if (at - first > 9) fail(name, "the PNM has an absurd number");
      value = 10 * value + (bytes[at] - '0');
    }
    return value;
  };
  const int64_t width = number(), height = number(), largest = number();
  check_size(name, height, width);
  if (largest < 1 || largest > 65535) fail(name, "the PNM's largest value must be 1 to 65535");
  ++at;  // the white space after the header
  const bool plain = bytes[1] < '4';
  const int64_t channels = bytes[1] == '2' || bytes[1] == '5' ? 1 : 3, samples = height * width * channels,
                width_of_sample = largest > 255 ? 2 : 1,
                least = plain ? 2 * samples - 1 : samples * width_of_sample;  // a digit each and white space between
  if (at > bytes.size() || int64_t(bytes.size() - at) < least) fail(name, "it ends early");
  Image image(height, width, channels);
  for (int64_t i = 0; i < samples; ++i) {
    int64_t value;
    if (plain) {
      value = number();
    } else {
      const uint8_t *sample = &bytes[at + size_t(i * width_of_sample)];
      value = width_of_sample == 2 ? sample[0] << 8 | sample[1] : sample[0];
    }
    image.pixels[size_t(i)] = uint8_t((2 * 255 * std::min(value, largest) + largest) / (2 * largest));
  }
  return image;
}

// stb reads zeros beyond the end without a word, so it reads through this, which notes that it tried.
struct Reader {
  const std::vector<uint8_t> &bytes;
  size_t at = 0;
  bool ended_early = false;

  static int read(void *self, char *to, int count) {
    Reader &r = *static_cast<Reader *>(self);
    const size_t left = r.bytes.size() - r.at, got = std::min(left, size_t(std::max(count, 0)));
    if (left == 0 && count > 0) r.ended_early = true;
    std::memcpy(to, r.bytes.data() + r.at, got);
    r.at += got;
    return int(got);
  }
  static void skip(void *self, int count) {
    Reader &r = *static_cast<Reader *>(self);
    const size_t left = r.bytes.size() - r.at, wanted = size_t(std::max(count, 0));
    if (wanted > left) r.ended_early = true;
    r.at += std::min(wanted, left);
  }
  static int end(void *self) {
    const Reader &r = *static_cast<Reader *>(self);
    return r.at == r.bytes.size();
  }
};
const stbi_io_callbacks reader_callbacks = {Reader::read, Reader::skip, Reader::end};

std::string reason_of_stb() {
  const char *reason = stbi_failure_reason();
  return reason ? reason : "it is corrupt";
}

// Pixels of red, green, blue and alpha without the last, laid on a background, each sum rounded once. Some programs write
// an alpha of zeros that nobody is meant to heed: where `or_opaque`, that is none.
Image laid_on(Alpha background, const stbi_uc *pixels, int64_t height, int64_t width, bool or_opaque) {
  Image image(height, width, 3);
  const int64_t count = height * width;
  bool unheeded = or_opaque;
  for (int64_t i = 0; unheeded && i < count; ++i) unheeded = pixels[4 * i + 3] == 0;
  const bool opaque = unheeded || background == Alpha::ignore;
  const int under = background == Alpha::white ? 255 : 0;
  for (int64_t i = 0; i < count; ++i) {
    const int alpha = opaque ? 255 : pixels[4 * i + 3];
    image.blended = image.blended || alpha < 255;
    for (int64_t c = 0; c < 3; ++c)
      image.pixels[size_t(3 * i + c)] = uint8_t((pixels[4 * i + c] * alpha + under * (255 - alpha) + 127) / 255);
  }
  return image;
}

Image decode_by_stb(const std::vector<uint8_t> &bytes, const std::string &name, int64_t channels, Alpha background,
                    bool png, bool transparent_colours) {
  int width = 0, height = 0, in_file = 0;
  {
    const AllocationLimit limit(size_t{1} << 20);
    if (!stbi_info_from_memory(bytes.data(), int(bytes.size()), &width, &height, &in_file))
      fail(name, bytes.empty() ? "it is empty"
                               : "it is truncated or no PNG, JPEG, BMP, PPM, PGM, TGA, GIF, PSD, HDR or PIC (" +
                                     reason_of_stb() + ")");
  }
  check_size(name, height, width);
  // No format stores more than PNG: deflate makes at most 1032 bytes of one, of 8 pixels each.
  if (height * width / (8 * 1032) > int64_t(bytes.size())) fail(name, "it is too short for the size that it declares");
  if (channels == 0) channels = in_file >= 3 ? 3 : 1;
  // The most that a decoder needs at once: 8 bytes a pixel, doubled as the buffer grows, and its tables.
  const AllocationLimit limit(size_t(width) * size_t(height) * 16 + (size_t{1} << 20));
  // Of a corrupt PIC stb_image 2.27 converts pixels that it does not have (CVE-2023-43898), unless asked for the four
  // channels that it decodes to.
  const bool pic = starts_with(bytes, pic_magic);
  const bool alpha = !pic && (in_file == 2 || in_file == 4 || transparent_colours);
  // An iPhone's PNG (CgBI) has blue, green, red, multiplied by alpha. These hold for all threads: set once.
  [[maybe_unused]] static const bool iphones = [] {
    stbi_convert_iphone_png_to_rgb(1);
    stbi_set_unpremultiply_on_load(1);
    return true;
  }();
  Reader reader{bytes};
  const std::unique_ptr<stbi_uc, void (*)(void *)> pixels(
      stbi_load_from_callbacks(&reader_callbacks, &reader, &width, &height, &in_file, pic || alpha ? 4 : int(channels)),
      stbi_image_free);
  if (reader.ended_early) fail(name, "it ends early" + (pixels ? "" : " (" + reason_of_stb() + ")"));
  if (!pixels) fail(name, reason_of_stb());
  check_size(name, height, width);
  if (pic || alpha)
    return with_channels(laid_on(pic ? Alpha::ignore : background, pixels.get(), height, width, !png), channels);
  Image image;
  image.height = height;
  image.width = width;
  image.channels = channels;
  image.pixels.assign(pixels.get(), pixels.get() + image.size());
  return image;
}

}  // namespace

Alpha parse_alpha(const std::string &text) {
  if (text == "black") return Alpha::black;
  if (text == "white") return Alpha::white;
  if (text == "ignore") return Alpha::ignore;
  throw std::runtime_error("alpha takes black, white or ignore, not '" + text + "'");
}

Image decode_image(const std::vector<uint8_t> &bytes, const std::string &name, int64_t channels, Alpha background) {
  if (channels != 0 && channels != 1 && channels != 3)
    throw std::invalid_argument("a picture has 1 or 3 channels, not " + std::to_string(channels));
  for (const char *magic : {"P2", "P3", "P5", "P6"})
    if (starts_with(bytes, magic)) return with_channels(decode_pnm(bytes, name), channels);
  refuse_known_strangers(bytes, name);
  const bool png = starts_with(bytes, "\x89PNG\r\n\x1A\n"), jpeg = starts_with(bytes, "\xFF\xD8");
  const bool transparent_colours = png && check_png(bytes, name);
  if (jpeg) {
    check_jpeg(bytes, name);
    if (const auto clean = without_stray_restarts(bytes); !clean.empty())
      return decode_image(clean, name, channels, background);
  }
  if (starts_with(bytes, "#?RADIANCE\n") || starts_with(bytes, "#?RGBE\n")) check_hdr(bytes, name);
  Image image = decode_by_stb(bytes, name, channels, background, png, transparent_colours);
  return jpeg ? upright(std::move(image), exif_orientation(bytes)) : image;
}

Image load_image(const std::string &path, int64_t channels, Alpha background) {
  return decode_image(read_bytes(path, (int64_t{1} << 31) - 1), path, channels, background);
}

bool has_image_name(const std::string &path) {
  const size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] != '.') return false;
  std::string ending = path.substr(dot + 1);
  for (char &c : ending) c = char(std::tolower(static_cast<unsigned char>(c)));
  for (const char *known : {"png", "jpg", "jpeg", "bmp", "ppm", "pgm", "pnm", "tga", "gif", "psd", "hdr", "pic"})
    if (ending == known) return true;
  return false;
}

std::vector<uint8_t> encode_png(const Image &image) {
  if (image.size() == 0 || int64_t(image.pixels.size()) != image.size() || (image.channels != 1 && image.channels != 3))
    throw std::invalid_argument("encode_png: a picture needs pixels in 1 or 3 channels");
  if (image.height > (int64_t{1} << 30) / (image.width * image.channels + 1))
    throw std::runtime_error("a picture of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                             " pixels is too large for a PNG (1 GiB)");
  std::vector<uint8_t> bytes;
  const auto append = [](void *to, void *data, int count) {
    const auto *first = static_cast<const uint8_t *>(data);
    auto &out = *static_cast<std::vector<uint8_t> *>(to);
    out.insert(out.end(), first, first + count);
  };
  if (!stbi_write_png_to_func(append, &bytes, int(image.width), int(image.height), int(image.channels),
                              image.pixels.data(), int(image.width * image.channels)))
    throw std::runtime_error("not enough memory to write a PNG of " + std::to_string(image.width) + " x " +
                             std::to_string(image.height) + " pixels");
  return bytes;
}

void save_png(const std::string &path, const Image &image) { save_with_texts(path, encode_png(image), {}); }

}  // namespace coopnets
