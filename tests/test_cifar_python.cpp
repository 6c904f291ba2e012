// CIFAR in Python's pickles and in tar archives: cifar.cpp, pickle.cpp, tar.cpp.
#include <gtest/gtest.h>

#include "data/cifar.h"
#include "data/cifar_files.h"
#include "data/pickle.h"
#include "data/source.h"
#include "data/tar.h"
#include "files.h"

namespace coopnets {
namespace {

using Bytes = std::vector<uint8_t>;

struct Writer {
  const char *name;
  int protocol, python;
  bool bytes_as_keys;
};
constexpr Writer writers[] = {{"Python 2", 2, 2, false},
                              {"Python 3, protocol 2", 2, 3, false},
                              {"Python 3, protocol 3", 3, 3, false},
                              {"Python 3, protocol 4", 4, 3, false},
                              {"Python 3, protocol 5", 5, 3, false},
                              {"Python 3 from Python 2's, NumPy 2", 3, 3, true},
                              {"the same, protocol 5", 5, 3, true}};

PickleWriter writer(const Writer &w) { return {w.protocol, w.python, w.bytes_as_keys}; }
PickleWriter python2() { return {2, 2}; }

void expect_pictures(const Cifar &cifar, const Bytes &labels) {
  EXPECT_EQ(cifar.labels, labels);
  ASSERT_EQ(cifar.pixels.size(), labels.size() * 3072);
  for (const size_t pixel : {0u, 37u, 1023u})
    for (size_t c = 0; c < 3; ++c)
      EXPECT_EQ(cifar.pixels[3072 * (labels.size() - 1) + 3 * pixel + c], cifar_value(labels.size() - 1, c, pixel));
}

TEST(CifarPython, FoldersOfEveryProtocol) {
  for (const Writer &w : writers) {
    SCOPED_TRACE(w.name);
    TemporaryFolder folder;
    const std::string inside = folder / "cifar-10-batches-py";
    write_bytes(inside + "/data_batch_1", cifar_pickle({6, 9}, writer(w)));
    write_bytes(inside + "/data_batch_2", cifar_pickle({3}, writer(w)));
    write_bytes(inside + "/test_batch", cifar_pickle({4, 0, 1}, writer(w)));
    write_bytes(inside + "/batches.meta", names_pickle("label_names", ten_categories, writer(w)));
    EXPECT_EQ(find_cifar(folder.path), inside);
    EXPECT_EQ(load_cifar(inside, true).labels, (Bytes{6, 9, 3}));
    EXPECT_EQ(load_cifar(inside, true).missing,
              (std::vector<std::string>{"data_batch_3", "data_batch_4", "data_batch_5"}));
    const Cifar test = load_cifar(inside, false);
    expect_pictures(test, {4, 0, 1});
    EXPECT_EQ(test.categories, ten_categories);
    EXPECT_TRUE(is_cifar_pickle(inside + "/data_batch_1"));
    SourceOptions one;
    one.path = inside + "/data_batch_1";
    const Source source = open_source(one);
    EXPECT_EQ(source.labels, (std::vector<int64_t>{6, 9}));
    EXPECT_EQ(source.categories, ten_categories);
  }
}

TEST(CifarPython, Hundred) {
  TemporaryFolder folder;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("category " + std::to_string(i));
  write_bytes(folder / "train", cifar_pickle({99, 7}, python2(), "fine_labels"));
  EXPECT_EQ(find_cifar(folder.path), "");  // any folder may have a file of the name
  write_bytes(folder / "meta", names_pickle("fine_label_names", names, python2()));
  ASSERT_EQ(find_cifar(folder.path), folder.path);
  expect_pictures(load_cifar(folder.path, true), {99, 7});
  EXPECT_EQ(load_cifar(folder.path, true).categories, names);
  EXPECT_EQ(error_of([&] { load_cifar(folder.path, false); }), "there are no test pictures of CIFAR in " + folder.path);
}

std::string refusal(const Bytes &bytes) {
  TemporaryFolder folder;
  const std::string path = folder / "data_batch_1", start = "cannot read " + path + ": ";
  write_bytes(path, bytes);
  const std::string sentence = error_of([&] { load_cifar_file(path); });
  EXPECT_EQ(sentence.compare(0, start.size(), start), 0) << sentence;
  return sentence.substr(std::min(sentence.size(), start.size()));
}

TEST(CifarPython, WhatIsNotCifarIsRefused) {
  EXPECT_EQ(refusal(cifar_pickle({10}, python2())), "record 0 has the label 10, which CIFAR-10 has not");
  EXPECT_EQ(refusal(cifar_pickle({1}, python2(), "names")), "it has no 'labels'");
  EXPECT_EQ(refusal(cifar_pickle({1}, python2(), "labels", "f4")),
            "an array has elements of the type 'f4', and only bytes, 'u1', are read");
  EXPECT_EQ(refusal(cifar_pickle({}, python2())), "its data has not 3072 bytes for each of its 0 labels");
  EXPECT_EQ(refusal(names_pickle("labels", ten_categories, python2())),
            "its 'labels' holds something else than whole numbers");
  const auto with = [](const std::string &operations) {
    PickleWriter w = python2();
    w.raw(operations);
    return refusal(w.out);
  };
  // Nothing is called, whatever it is.
  const std::string only = ", and only numbers, texts, lists, dictionaries and arrays of bytes are read";
  EXPECT_EQ(with("cos\nsystem\n(U\4true\x85R."), "it names 'os.system'" + only);
  EXPECT_EQ(with("}(U\4datacnumpy\ndtype\n)Ru."), "it is corrupt");    // without arguments
  EXPECT_EQ(with("}(U\4datacnumpy\nndarray\n)Ru."), "it is corrupt");  // not to be called
  EXPECT_EQ(with("ctorch._utils\n_rebuild_tensor_v2\n"), "it names 'torch._utils._rebuild_tensor_v2'" + only);
  EXPECT_EQ(with("}(U\4dataG12345678u."), "it holds the operation 47" + only);  // a floating-point number
  EXPECT_EQ(with("]."), "it holds no dictionary");
  EXPECT_EQ(with("}}."), "it is corrupt");
  EXPECT_EQ(with("."), "it is corrupt");
  EXPECT_EQ(with("}a."), "it is corrupt");
  EXPECT_EQ(with("}(K\1u."), "it is corrupt");
  EXPECT_EQ(with("}e."), "it is corrupt");
  EXPECT_EQ(with("}(s."), "it is corrupt");
  EXPECT_EQ(with("h\7."), "it is corrupt");
  EXPECT_EQ(with("}q\1h\1s."), "it is corrupt");
  EXPECT_EQ(with("}T\xFF\xFF\xFF\x7F"
                 "abc."),
            "it ends early");
  EXPECT_EQ(with(std::string("\x8E\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF") + "a"), "it ends early");
  EXPECT_EQ(with("cnumpy"), "it ends early");
}

// A list that holds itself, values without end, marks without end.
TEST(CifarPython, WhatNeverEndsIsBounded) {
  const auto with = [](const std::string &operations) {
    PickleWriter w = python2();
    w.raw(operations);
    return refusal(w.out);
  };
  EXPECT_EQ(with("}U\6labels]q\1h\1as."), "its 'labels' holds something else than whole numbers");
  EXPECT_EQ(with(std::string(3 << 20, 'N')), "it holds more values than pictures need");
  std::string many = "}q\1";
  for (int i = 0; i < 2 << 20; ++i) many += "h\1";
  EXPECT_EQ(with(many), "it holds more values than pictures need");
  EXPECT_EQ(with(std::string(1 << 20, '(')), "it is corrupt");
}

// An array's sizes that lie, also where their product overflows.
TEST(CifarPython, SizesOfArraysAreHeldAgainstTheirBytes) {
  for (const Writer &w : writers)
    for (const std::vector<int64_t> &sizes :
         std::vector<std::vector<int64_t>>{{2, 3072}, {0, 3072}, {-1, 3072}, {1 << 30, 1 << 30, 1 << 30}, {3072}}) {
      PickleWriter out = writer(w);
      out.put('}'), out.put('('), out.key("data"), out.array(sizes, Bytes(3072, 200));
      out.put('u'), out.put('.');
      const Pickle pickle(out.out);
      std::vector<int64_t> read;
      if (sizes.size() == 1) {
        EXPECT_EQ(pickle.array("data", read), Bytes(3072, 200));
        EXPECT_EQ(read, sizes);
      } else {
        EXPECT_EQ(error_of([&] { pickle.array("data", read); }), "its 'data' has not as many bytes as its sizes say");
      }
    }
}

TEST(CifarPython, DamageIsASentence) {
  for (const Writer &w : writers) {
    const Bytes whole = cifar_pickle({1}, writer(w));
    for (size_t length = 0; length < whole.size(); length += length < 400 || length + 200 > whole.size() ? 1 : 97)
      EXPECT_THROW(Pickle(Bytes(whole.begin(), whole.begin() + int64_t(length))), std::runtime_error) << length;
    Dice dice(3);
    for (int trial = 0; trial < 3000; ++trial) {
      Bytes damaged = whole;
      const uint32_t place = dice(600);  // at the beginning or the end: the middle is pixels
      damaged[place < 400 ? place : damaged.size() - 1 - (place - 400)] = uint8_t(dice(256));
      try {
        const Pickle pickle(damaged);
        std::vector<int64_t> sizes;
        pickle.array("data", sizes);
        pickle.integers("labels");
      } catch (const std::runtime_error &) {
      }
    }
  }
}

TEST(CifarTar, ArchivesAreReadAsTheyAre) {
  TemporaryFolder folder;
  std::string lines;
  for (const std::string &name : ten_categories) lines += name + "\n";
  const std::string bin = "cifar-10-batches-bin/", py = "cifar-10-batches-py/";
  const Bytes binary = tar_of({{bin, {}},
                               {bin + "data_batch_1.bin", cifar_records({6, 9}, 1)},
                               {bin + "test_batch.bin", cifar_records({4}, 1)},
                               {bin + "batches.meta.txt", bytes_of(lines, {})}});
  const Bytes python = tar_of({{py + "data_batch_1", cifar_pickle({1, 2}, python2())},
                               {py + "test_batch", cifar_pickle({3}, python2())},
                               {py + "batches.meta", names_pickle("label_names", ten_categories, python2())}});
  write_bytes(folder / "a/cifar-10-binary.tar.gz", gzip_stored(binary));
  write_bytes(folder / "b/cifar-10-python.tar.gz", gzip_stored(python));
  write_bytes(folder / "c/any.tar", python);
  EXPECT_EQ(find_cifar(folder / "a"), folder / "a/cifar-10-binary.tar.gz");
  EXPECT_EQ(find_cifar(folder / "b"), folder / "b/cifar-10-python.tar.gz");
  EXPECT_EQ(find_cifar(folder / "c"), "");
  expect_pictures(load_cifar(folder / "a/cifar-10-binary.tar.gz", true), {6, 9});
  expect_pictures(load_cifar(folder / "b/cifar-10-python.tar.gz", true), {1, 2});
  SourceOptions options;
  for (const char *path : {"a", "b", "c/any.tar"}) {
    options.path = folder / path;
    options.train = false;
    const Source source = open_source(options);
    EXPECT_EQ(source.labels, std::vector<int64_t>{path[0] == 'a' ? 4 : 3}) << path;
    EXPECT_EQ(source.categories, ten_categories) << path;
    options.train = true;
    EXPECT_EQ(open_source(options).size(), 2) << path;
    EXPECT_CONTAINS(open_source(options).warning, "CIFAR-10 is incomplete: " + options.path);
  }
  write_bytes(folder / "other.tgz", gzip_stored(tar_of({{"a.png", {1}}})));
  options.path = folder / "other.tgz";
  EXPECT_EQ(error_of([&] { open_source(options); }), "there are no files of CIFAR in " + options.path);
}

TEST(CifarTar, DamageIsASentence) {
  TemporaryFolder folder;
  const std::string path = folder / "a.tar";
  const Bytes whole = tar_of({{"folder/", {}}, {"folder/a", {1, 2, 3}}, {"folder/a", {4, 5}}, {"b", Bytes(513, 7)}});
  const auto refusal_of = [&](const Bytes &bytes) {
    write_bytes(path, bytes);
    const std::string sentence = error_of([&] { Tar tar(path); });
    EXPECT_CONTAINS(sentence, "cannot read " + path + ": it is ");
    return sentence;
  };
  write_bytes(path, whole);
  const Tar tar(path);
  EXPECT_EQ(tar.member("a"), (Bytes{4, 5}));  // the last of the name
  EXPECT_EQ(tar.member("b"), Bytes(513, 7));
  EXPECT_FALSE(tar.has("folder"));
  EXPECT_EQ(error_of([&] { tar.member("c"); }), "there is no c in " + path);
  for (size_t length = 0; length <= whole.size() - 1024; length += 128)
    refusal_of(Bytes(whole.begin(), whole.begin() + int64_t(length)));
  EXPECT_CONTAINS(refusal_of(Bytes(1000, 'x')), "no tar archive");
  for (const size_t at : {size_t{1}, size_t{124 + 5}, size_t{148}, size_t{156}, size_t{500}}) {
    Bytes damaged = whole;
    damaged[512 + at] ^= 1;
    EXPECT_CONTAINS(refusal_of(damaged), "(the check sum of a header differs)");
  }
  for (const std::string size : {"77777777777", "-0000000001", "00000x00000", "           "}) {
    Bytes lies = whole;
    std::copy(size.begin(), size.end(), &lies[512 + 124]);
    seal_tar(lies, 512);
    EXPECT_CONTAINS(refusal_of(lies), "('folder/a' ends early)");
  }
}

}  // namespace
}  // namespace coopnets
