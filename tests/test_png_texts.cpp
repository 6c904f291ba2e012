// Texts in PNG files: src/data/png_texts.cpp.
#include "data/png_texts.h"

#include "data/picture_files.h"
#include "data/png_chunks.h"
#include "files.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr char zero = '\0';

Bytes plain() { return encode_png(noise(5, 7, 3)); }

// A picture with one more chunk behind its header.
Bytes with_chunk(const std::string &letters, const std::string &data) {
  const Bytes png = plain();
  Bytes out(png.begin(), png.begin() + 33);
  append_chunk(out, letters, Bytes(data.begin(), data.end()));
  out.insert(out.end(), png.begin() + 33, png.end());
  return out;
}

std::string text_of(const Bytes &png, const std::string &keyword = "Author") {
  return text_of_png(png, keyword, "x.png").value_or("none");
}

std::string refusal(const Bytes &png) {
  return error_of([&] { text_of(png); });
}

TEST(PngTexts, texts_are_as_the_standard_has_them) {
  const Bytes png = with_texts(plain(), {{"Author", "Gr\xC3\xBCn"}});
  // Length, iTXt, keyword, five zeros, text, CRC.
  Bytes chunk = bytes_of("", {0, 0, 0, 16});
  for (const char c : std::string("iTXtAuthor") + std::string(5, zero) + "Gr\xC3\xBCn") chunk.push_back(uint8_t(c));
  for (const uint8_t byte : {0x4F, 0x8C, 0x70, 0xBA}) chunk.push_back(byte);  // by zlib
  EXPECT_EQ(Bytes(png.begin() + 33, png.begin() + 33 + int64_t(chunk.size())), chunk);
  EXPECT_EQ(png.size(), plain().size() + chunk.size());
}

TEST(PngTexts, texts_come_back_and_leave_the_pixels) {
  const std::string lines = "seed=1\n[settings]\nchains=4\n";
  const Bytes png = with_texts(plain(), {{"Author", "one"}, {"coopnets config", lines}, {"Author", "two"}});
  EXPECT_EQ(decode_image(png, "x"), decode_image(plain(), "x"));
  EXPECT_EQ(text_of(png), "one");
  EXPECT_EQ(text_of(png, "coopnets config"), lines);
  EXPECT_EQ(text_of(png, "coopnets"), "none");
  EXPECT_EQ(text_of(plain()), "none");
  EXPECT_EQ(text_of(with_texts(plain(), {{"Author",
                                          "a\xFF"
                                          "b\xC3"}})),
            "a?b?");
}

TEST(PngTexts, texts_of_other_programs) {
  const auto author = [](const std::string &rest) { return std::string("Author") + zero + rest; };
  EXPECT_EQ(text_of(with_chunk("tEXt", author("me"))), "me");
  EXPECT_EQ(text_of(with_chunk("iTXt", author(std::string{zero, zero} + "de" + zero + "Urheber" + zero + "ich"))),
            "ich");
  const std::string compressed = "is compressed, as another program saved it, and is not read";
  EXPECT_CONTAINS(refusal(with_chunk("zTXt", author("\0x"))), compressed);
  EXPECT_CONTAINS(refusal(with_chunk("iTXt", author(std::string{1, zero, zero, zero} + "x"))), compressed);
  for (const std::string &cut : {std::string(), std::string(1, zero), std::string(2, zero), std::string(3, zero)})
    EXPECT_EQ(refusal(with_chunk("iTXt", author(cut))), "cannot read the picture x.png: its text 'Author' ends early");
  EXPECT_EQ(text_of(with_chunk("tEXt", "Author")), "none");  // a keyword without its end is none
  EXPECT_EQ(text_of(with_chunk("tEXt", "")), "none");
}

TEST(PngTexts, truncated_anywhere_is_a_sentence) {
  const Bytes png = with_texts(plain(), {{"Author", "me"}});
  for (size_t size = 0; size < png.size(); ++size)
    EXPECT_EQ(refusal(Bytes(png.begin(), png.begin() + int64_t(size))),
              std::string("cannot read the picture x.png: ") + (size < 8 ? "it is no PNG" : "it ends early"));
}

TEST(PngTexts, no_changed_byte_makes_another_text) {
  const Bytes png = with_texts(plain(), {{"Author", "me"}});
  int refused = 0;
  for (size_t at = 0; at < png.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = png;
      changed[at] = uint8_t(changed[at] ^ 1 << bit);
      try {
        const std::string text = text_of(changed);
        EXPECT_TRUE(text == "none" || text == "me") << at << ' ' << bit;
      } catch (const std::runtime_error &) {
        ++refused;
      }
    }
  // All but those that rename the text's chunk or keyword, or make IHDR and IDAT names of chunks that do not matter.
  EXPECT_EQ(refused, int(8 * (png.size() - 4 - 7)) + 1 - 2);
  Bytes lying = png;
  for (size_t at = 33; at < 37; ++at) lying[at] = 0xFF;  // 4 GiB of text
  EXPECT_CONTAINS(refusal(lying), "it ends early");
}

}  // namespace
}  // namespace coopnets
