#include "data/gif.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <vector>

#include "data/bytes.h"
#include "data/frames.h"

namespace coopnets {
namespace {

constexpr int64_t max_file = int64_t{1} << 29;
// The longest string of LZW, 4096 pixels, takes a code of 12 bits: a byte gives fewer than this.
constexpr int64_t pixels_of_a_byte = 4096;

// Thrown where the file ends in the midst of something.
struct EndsEarly {};

struct Bytes {
  std::vector<uint8_t> all;
  size_t at = 0;

  int next() {
    if (at >= all.size()) throw EndsEarly();
    return all[at++];
  }
  int64_t word() {
    const int64_t low = next();
    return low | int64_t{next()} << 8;
  }
  void skip(size_t count) {
    if (count > all.size() - at) throw EndsEarly();
    at += count;
  }
  // Sub-blocks: a length, that many bytes; length 0 ends them.
  std::vector<uint8_t> sub_blocks() {
    std::vector<uint8_t> data;
    while (const int length = next()) {
      const size_t start = at;
      skip(size_t(length));
      data.insert(data.end(), all.begin() + int64_t(start), all.begin() + int64_t(at));
    }
    return data;
  }
};

// The colours of a table in the file.
struct Colours {
  size_t at = 0;
  int count = 0;
};

Colours read_colours(Bytes &bytes, int flags) {
  if (!(flags & 0x80)) return {};
  const Colours colours{bytes.at, 2 << (flags & 7)};
  bytes.skip(size_t(3 * colours.count));
  return colours;
}

// What a graphic control block says of the frame that follows it.
struct Control {
  int disposal = 0, transparent = -1;
  int64_t milliseconds = 100;
};

std::optional<Control> parse_control(const std::vector<uint8_t> &block) {
  if (block.size() != 4) return {};
  Control control;
  control.disposal = block[0] >> 2 & 7;
  if (block[0] & 1) control.transparent = block[3];
  control.milliseconds = shown_for(10 * int64_t(block[1] | block[2] << 8));
  return control;
}

struct Window {
  int64_t left, top, width, height;
  bool interlaced;
};

// Row number `i` of a window as they come: interlaced ones are every eighth row, every eighth from the fourth, every
// fourth from the second, every second from the first.
int64_t row_of(const Window &window, int64_t i) {
  if (!window.interlaced) return i;
  for (const auto &[first, step] : {std::array<int64_t, 2>{0, 8}, {4, 8}, {2, 4}, {1, 2}}) {
    const int64_t rows = window.height > first ? (window.height - first + step - 1) / step : 0;
    if (i < rows) return first + step * i;
    i -= rows;
  }
  return window.height;
}

// Expands LZW data as GIF has it and gives the first `wanted` values to `put`. False where the data is corrupt or gives
// fewer. Codes are packed from the lowest bit on; 2^bits clears the table, the next one ends the data, each later is
// an earlier code's string and one value more.
template <class Put>
bool expand(const std::vector<uint8_t> &data, int bits, int64_t wanted, const Put &put) {
  constexpr int most = 4096;
  const int clear = 1 << bits, end = clear + 1;
  std::array<uint16_t, most> before{};
  std::array<uint8_t, most> last{}, text{};
  int next = end + 1, width = bits + 1, previous = -1, first = 0;
  uint32_t buffer = 0;
  int held = 0;
  size_t at = 0;
  while (wanted > 0) {
    for (; held < width; held += 8) {
      if (at == data.size()) return false;
      buffer |= uint32_t{data[at++]} << held;
    }
    int code = int(buffer & ((1u << width) - 1));
    buffer >>= width;
    held -= width;
    if (code == clear) {
      next = end + 1, width = bits + 1, previous = -1;
      continue;
    }
    if (code == end || code > next || (code == next && previous < 0)) return false;
    const int given = code;
    int length = 0;
    if (code == next) {  // the string that is about to be defined: the previous one and its own first value
      text[size_t(length++)] = uint8_t(first);
      code = previous;
    }
    for (; code > end; code = before[size_t(code)]) text[size_t(length++)] = last[size_t(code)];
    first = code;
    text[size_t(length++)] = uint8_t(first);
    for (; length > 0 && wanted > 0; --wanted) put(text[size_t(--length)]);
    if (previous >= 0 && next < most) {
      before[size_t(next)] = uint16_t(previous);
      last[size_t(next++)] = uint8_t(first);
      if (next == 1 << width && width < 12) ++width;
    }
    previous = given;
  }
  return true;
}

void clear(Image &canvas, const Window &window) {
  const int64_t right = std::min(canvas.width, window.left + window.width);
  if (right <= window.left) return;
  for (int64_t row = window.top; row < std::min(canvas.height, window.top + window.height); ++row)
    std::fill(canvas.at(row, window.left), canvas.at(row, right - 1) + 3, uint8_t(0));
}

// Draws the frame that begins at `bytes` and gives its window; nothing where it is corrupt.
std::optional<Window> draw(Bytes &bytes, const Colours &global, const Control &control, Image &canvas) {
  Window window{};
  for (int64_t *number : {&window.left, &window.top, &window.width, &window.height}) *number = bytes.word();
  const int flags = bytes.next();
  window.interlaced = flags & 0x40;
  const Colours own = read_colours(bytes, flags), colours = own.count ? own : global;
  const int bits = bytes.next();
  const std::vector<uint8_t> data = bytes.sub_blocks();
  if (bits < 1 || bits > 8 || colours.count == 0) return {};
  int64_t i = 0, row = row_of(window, 0), column = 0;
  const auto put = [&](int index) {
    const int64_t y = window.top + row, x = window.left + column;
    if (y < canvas.height && x < canvas.width && index != control.transparent && index < colours.count)
      std::copy_n(&bytes.all[colours.at + size_t(3 * index)], 3, canvas.at(y, x));
    if (++column == window.width) column = 0, row = row_of(window, ++i);
  };
  if (!expand(data, bits, window.width * window.height, put)) return {};
  return window;
}

struct Reader {
  const std::string &path;
  Bytes bytes;
  int64_t count = 0;

  [[noreturn]] void corrupt(const std::string &why) const {
    throw std::runtime_error(path + " is a corrupt GIF: " + why);
  }

  Image header(Colours &global) {
    bytes.skip(6);
    const int64_t width = bytes.word(), height = bytes.word();
    const int flags = bytes.next();
    bytes.skip(2);  // the background colour and the pixels' aspect, which browsers pass over
    global = read_colours(bytes, flags);
    if (width == 0 || height == 0) corrupt("it has no pixels");
    check_canvas(path, width, height, bytes.all.size(), pixels_of_a_byte);
    return Image(height, width, 3);
  }

  void read(int64_t frames, const std::function<void(const Image &, int64_t)> &sink) {
    Colours global;
    Image canvas = header(global), before;
    Control control;
    while (count < frames) {
      const int kind = bytes.next();
      if (kind == ';') return;
      if (kind == '!') {
        const bool controls = bytes.next() == 0xF9;
        const std::vector<uint8_t> block = bytes.sub_blocks();
        if (!controls) continue;
        const std::optional<Control> parsed = parse_control(block);
        if (!parsed) corrupt("the control block of frame " + std::to_string(count + 1) + " has not 4 bytes");
        control = *parsed;
      } else if (kind == ',') {
        const bool back = control.disposal == 3 || control.disposal == 4;
        if (back) before = canvas;
        const std::optional<Window> window = draw(bytes, global, control, canvas);
        if (!window) corrupt("frame " + std::to_string(count + 1) + " cannot be decoded");
        ++count;
        sink(canvas, control.milliseconds);
        if (back) canvas = before;
        if (control.disposal == 2) clear(canvas, *window);
        control = {};
      } else {
        corrupt("after " + std::to_string(count) + (count == 1 ? " frame" : " frames") +
                " comes what is no block of a GIF");
      }
    }
  }
};

}  // namespace

int64_t read_gif(const std::string &path, int64_t frames, const std::function<void(const Image &, int64_t)> &sink) {
  Reader reader{path, {read_bytes(path, max_file)}};
  try {
    reader.read(frames, sink);
  } catch (const EndsEarly &) {
    cut_off(path, reader.count);
  }
  return reader.count;
}

}  // namespace coopnets
