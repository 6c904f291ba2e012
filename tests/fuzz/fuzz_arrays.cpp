// Arrays: idx and gzip, npy and npz (zip), and the statistics of features in them.
#include "app/npy.h"
#include "app/statistics.h"
#include "data/bytes.h"
#include "data/idx.h"
#include "data/npz_files.h"
#include "data/picture_files.h"
#include "data/zip.h"
#include "fuzz/fuzz.h"

// Of stb_image_write, which declares it nowhere.
extern "C" unsigned char *stbi_zlib_compress(unsigned char *data, int size, int *packed, int quality);

namespace coopnets {
namespace {

constexpr int64_t most = int64_t{1} << 24;  // bytes that are unpacked

// gzip of one block of fixed codes: what zlib has between its two bytes of header and its four of check sum.
Bytes gzip_coded(Bytes data) {
  int size = 0;
  const std::unique_ptr<unsigned char, void (*)(void *)> packed(
      stbi_zlib_compress(data.data(), int(data.size()), &size, 8), std::free);
  Bytes out = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255};
  out.insert(out.end(), packed.get() + 2, packed.get() + size - 4);
  append_little_endian(out, crc32(data.data(), data.size()), 4);
  append_little_endian(out, data.size(), 4);
  return out;
}

std::vector<Bytes> seeds() {
  const Bytes labels = idx({40}, Bytes(40, 3)), pictures = idx({2, 3, 4}, Bytes(24, 7));
  const Gaussian gaussian{{1, 2}, Matrix(2, 2, {2, 0.5, 0.5, 1})};
  const float singles[6] = {0.5, -1, 3, 4, 5, 6};
  const std::string header = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }\n";
  Bytes two = gzip_stored(labels);  // members
  const Bytes second = gzip_coded(pictures);
  two.insert(two.end(), second.begin(), second.end());
  two.insert(two.end(), 8, 0);
  return {labels,
          pictures,
          gzip_stored(labels),
          gzip_coded(labels),
          two,
          npy_of("(2, 2)", {1, 2, 3, 4}),
          npy_of(header, singles, sizeof singles, 2),
          npz_of(gaussian),
          zip_of({{"mu.npy", npy_of("(2,)", {1, 2}), 0, 0, -1, -1, -1, -1, true}, {"other", {1, 2, 3}}}, "a comment"),
          read_whole("tests/data/numpy_savez.npz"),
          read_whole("tests/data/numpy_savez_compressed.npz")};
}

int read(const Bytes &bytes) {
  const std::string path = input_file("array", bytes);
  const auto idx = [&] {
    const Idx array = load_idx(path);
    must(!array.values.empty() && !array.sizes.empty(), "an idx holds values");
  };
  const auto archive = [&] {
    const Zip zip(path);
    for (const char *name : {"mu.npy", "sigma.npy", "other"})
      taken(path, [&] { parse_npy(zip.member(name, most), "a member of " + path); });
  };
  return taken(path, idx) + taken(path, archive) + taken(path, [&] { gunzip(bytes, path, most); }) +
         taken(path, [&] { parse_npy(bytes, path); }) + taken(path, [&] { load_statistics(path, 2); });
}

}  // namespace

FuzzTarget arrays_target() { return {"arrays", 16384, seeds, read}; }

}  // namespace coopnets
