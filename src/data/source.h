// Where examples come from: pictures on disk, idx files, CIFAR records.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/image.h"

namespace coopnets {

// A list of pictures, each a file (paths) or already there (pixels of images of `shape`, one after the other).
struct Source {
  std::vector<std::string> paths;
  Shape shape;
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;          // one an example: an index into categories; empty without categories
  std::vector<std::string> categories;  // in alphabetical order for folders, else in the order of their numbers
  bool has_parts = false;               // the data is published as a training and a test set
  int64_t held_out = 0;                 // how many examples were set aside
  std::string warning;                  // a sentence about what is missing of it; "" when it is whole

  int64_t size() const { return paths.empty() ? int64_t(pixels.size()) / shape.size() : int64_t(paths.size()); }
  std::string name(int64_t index) const;  // the path, or "example 7"
  // Throws as load_image() does; channels 0, 1 or 3.
  Image read(int64_t index, int64_t channels, Alpha = Alpha::black) const;
};

struct SourceOptions {
  std::string path;
  std::string category;  // "": all; else the one of this name
  bool train = true;     // the training or the test set, which folders with MNIST's or CIFAR's names have
  // Examples of the list that are set aside for evaluation: drawn by `held_out_seed`, or without it the last ones.
  // `take_held_out`: the list is those; else it is all others. `a_sixth_at_most`: of a short list fewer are set aside,
  // a sixth of it; without it a number that leaves nothing to learn is refused.
  int64_t held_out = 0;
  bool a_sixth_at_most = false;
  std::optional<uint64_t> held_out_seed;
  bool take_held_out = false;
  int64_t examples = 0;  // then so many, of each category where there are some, drawn by the seed; 0: all
  uint64_t examples_seed = 0;
  int64_t first = 0, limit = 0;  // then examples [first, first + limit) of the list; limit 0: up to its end
};

// What a path holds:
//   a picture                      that one
//   an idx file of images          its images, with the labels of the file named alike beside it, if any
//   a .bin file                    CIFAR records; a file without an ending may be one of CIFAR's pickles
//   a tar, plain or gzip           CIFAR as it is published, in either form
//   a folder with MNIST's names    the training or test set (train-images-idx3-ubyte, t10k-..., plain or .gz), also in
//                                  raw/ or NAME/raw/, where torchvision puts it; EMNIST's are turned upright
//   a folder with CIFAR's names    the same (data_batch_*.bin, test_batch.bin, train.bin, test.bin, the pickles), also
//                                  in the folder that the archive unpacks to, or the archive in it
//   a folder of pictures           all in it and in its folders, by path; `category` takes one by its file's name
//   a folder of folders            one category a folder, listed in turn: the first of each, the second of each ..., so
//                                  that a limited list is balanced
// Hidden files are passed over; links to folders are followed, and a folder that several lead to counts once, where it
// comes first by name. `warning` says that folders cannot be read, or pictures of other
// kinds (WebP ...). Throws std::runtime_error that names the path when
// there is nothing, no test set, no such category (naming those there are), or nothing left of what is asked.
Source open_source(const SourceOptions &);

// "in FOLDER 3 files end in .webp, which is not read: ...", of pictures of other kinds anywhere in it; "" without any.
std::string unread_pictures(const std::string &folder);

// What `category` can be for a folder: its categories with their numbers of pictures, or its pictures; the first twenty
// of more. "cat (200), dog (180)"; "" when there is none.
std::string list_categories(const std::string &path);

}  // namespace coopnets
