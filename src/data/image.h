// Pictures of bytes: reading, cropping, resizing, to and from the nets' range [-1, 1], and writing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace coopnets {

// height x width x channels bytes, channels innermost (1 = grey, 3 = red, green, blue): one frame of a tensor.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
  bool blended = false;  // the file had transparent pixels, which were laid on a background

  Image() = default;
  Image(int64_t height, int64_t width, int64_t channels, uint8_t value = 0)
      : height(height), width(width), channels(channels), pixels(size_t(height * width * channels), value) {}
  int64_t size() const { return height * width * channels; }
  Shape shape() const { return {1, 1, height, width, channels}; }
  const uint8_t *at(int64_t row, int64_t column) const { return pixels.data() + (row * width + column) * channels; }
  uint8_t *at(int64_t row, int64_t column) { return pixels.data() + (row * width + column) * channels; }
  bool operator==(const Image &o) const {
    return height == o.height && width == o.width && channels == o.channels && pixels == o.pixels;
  }
};

constexpr int64_t max_pixels = int64_t{1} << 28;  // height x width of the largest picture that is read or made

// --- Reading --------------------------------------------------------------------------------------------------------
// What transparent pixels lie on; ignore: the colours that they have beneath.
enum class Alpha { black, white, ignore };
Alpha parse_alpha(const std::string &);  // by these names; throws std::runtime_error that says so

// PNG, JPEG, BMP, PPM/PGM, TGA, PSD, HDR, PIC (Softimage), or the first frame of a GIF. channels 0: 1 for grey files, 3
// for all others; 1 or 3: as asked. 16-bit samples are reduced to 8 bits, HDR's to gamma 2.2; photographs are turned as
// their Exif segment says. Throws std::runtime_error that names the file when it cannot be read, is no picture (naming
// what it is instead, where that is known), ends early, is corrupt, or has more than max_pixels.
Image load_image(const std::string &path, int64_t channels = 0, Alpha = Alpha::black);
// The same from the file's bytes; `name` stands for the path in errors.
Image decode_image(const std::vector<uint8_t> &bytes, const std::string &name, int64_t channels = 0,
                   Alpha = Alpha::black);
// Whether the name ends, in either case, as one of the formats above: .png .jpg .jpeg .bmp .ppm .pgm .pnm .tga .gif
// .psd .hdr .pic
bool has_image_name(const std::string &path);

// 1 or 3 channels from 3 or 1: luminance (77 red + 150 green + 29 blue) / 256 as stb_image has it; grey repeated. 0: as
// is.
Image with_channels(Image, int64_t channels);

// --- Geometry -------------------------------------------------------------------------------------------------------
// The window [top, top + height) x [left, left + width); throws std::invalid_argument unless it is inside the picture.
Image crop(const Image &, int64_t top, int64_t left, int64_t height, int64_t width);
Image crop_centre(const Image &, int64_t height, int64_t width);

// How a picture gets another size, each axis by itself. Output pixel i of n has its centre at u = (i + 1/2) N/n - 1/2
// among the centres 0, 1, ... of the N input pixels. The published codes differ in it, and with it in their data.
enum class Resize {
  average,   // shrinking: the mean over the area that the output pixel covers, with fractional edges; growing: bilinear
  nearest,   // the input pixel floor((i + 1/2) N/n): Pillow before 7, where no filter was named (the TensorFlow code)
  bilinear,  // between the two centres around u, the last pixels repeated; not antialiased, so that shrinking leaves
             // pixels out (OpenCV's cv2.resize, the PyTorch code)
  bicubic  // Keys' kernel with a = -1/2 around u, when shrinking as much wider as the picture gets smaller; weights of
           // sum 1, edges mirrored (MATLAB's imresize, the MatConvNet code)
};
Resize parse_resize(const std::string &);  // by these names; throws std::runtime_error that says so

// One rounding (half up) at the end, and clipping to bytes; exact before that but for bicubic's rounding in double.
Image resize(const Image &, int64_t height, int64_t width, Resize = Resize::average);

// Which part of a picture is used before it is resized to the size of the nets.
struct Crop {
  enum Kind {
    centre,  // the largest centred window with the aspect of the target (a square for a square)
    side,    // the centred window of `size` x `size` pixels
    target,  // the centred window of the target's own size, unscaled; of a smaller picture, as centre
    none     // all of it: the aspect may change
  } kind = centre;
  int64_t size = 0;
};
// "centre", "size" (Crop::target), "none" or a number of pixels; throws std::runtime_error that says so.
Crop parse_crop(const std::string &);
struct Rectangle {
  int64_t top = 0, left = 0, height = 0, width = 0;
};
// The part of a picture of height x width pixels that fit() brings to the size to_height x to_width. Throws as fit().
Rectangle fitted_part(int64_t height, int64_t width, int64_t to_height, int64_t to_width, const Crop &);
// Crops, then resizes to height x width. Throws std::runtime_error when the picture is smaller than Crop::side asks.
Image fit(const Image &, int64_t height, int64_t width, const Crop & = {}, Resize = Resize::average);

// --- To and from floats ---------------------------------------------------------------------------------------------
enum class Normalise {
  stretch,  // each example on its own: its minimum becomes -1, its maximum 1; a constant example becomes all zeros
  fixed     // x / 127.5 - 1
};
Normalise parse_normalise(const std::string &);  // "stretch" or "fixed"; throws std::runtime_error that says so
void to_reals(const uint8_t *bytes, int64_t count, Normalise, real *out);
// The inverse: (x + 1) 127.5 rounded half up, clipped to [0, 255] (NaN gives 0). `stretch`: the picture's own minimum
// becomes 0 and its maximum 255, for showing.
Image to_image(const real *values, int64_t height, int64_t width, int64_t channels, bool stretch = false);

// --- Writing --------------------------------------------------------------------------------------------------------
std::vector<uint8_t> encode_png(const Image &);
// Atomic: the path holds the whole new picture or what was there before. Throws std::runtime_error that names the file.
void save_png(const std::string &path, const Image &);

// Pictures of equal shape side by side, row by row, `gap` pixels of `gap_value` between them (none around). columns 0:
// nearly square. Missing ones of the last row are gap. Throws std::invalid_argument for none or for unequal shapes.
Image grid(const std::vector<Image> &, int64_t columns = 0, int64_t gap = 2, uint8_t gap_value = 255);

}  // namespace coopnets
