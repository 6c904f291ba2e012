// CIFAR: records, Python's pickles, archives of either, the names of categories.
#include "data/cifar.h"
#include "data/cifar_files.h"
#include "fuzz/fuzz.h"

namespace coopnets {
namespace {

const Bytes &small_batch() {
  static const Bytes batch = cifar_pickle({7}, PickleWriter(2, 2));
  return batch;
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> all = {cifar_records({3}, 1), cifar_records({42}, 2), small_batch()};
  for (const int protocol : {2, 3, 4, 5}) all.push_back(cifar_pickle({3}, PickleWriter(protocol, 3)));
  all.push_back(cifar_pickle({9}, PickleWriter(3, 3, true)));
  all.push_back(cifar_pickle({42}, PickleWriter(4, 3), "fine_labels", "|u1"));
  for (const int protocol : {2, 4}) all.push_back(names_pickle("label_names", ten_categories, {protocol, 3}));
  const Bytes names = bytes_of("airplane\r\nautomobile\n\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n", {});
  all.push_back(names);
  const std::string binary = "cifar-10-batches-bin/", python = "cifar-10-batches-py/";
  all.push_back(tar_of(
      {{binary, {}}, {binary + "batches.meta.txt", names}, {binary + "data_batch_1.bin", cifar_records({3}, 1)}}));
  all.push_back(gzip_stored(
      tar_of({{python + "test_batch", small_batch()},
              {python + "batches.meta", names_pickle("label_names", ten_categories, PickleWriter(2, 2))}})));
  return all;
}

void check(const Cifar &cifar) {
  must(cifar.count() > 0 && int64_t(cifar.pixels.size()) == 3072 * cifar.count(), "pictures have their pixels");
  for (const uint8_t label : cifar.labels) must(label < cifar.categories.size(), "a label has a name");
}

int read(const Bytes &bytes) {
  const std::string records = input_file("cifar/batch.bin", bytes), pickle = input_file("cifar/batch", bytes),
                    archive = input_file("cifar/batch.tar", bytes);
  static const std::string batch = input_file("python/data_batch_1", small_batch());
  const std::string folder = batch.substr(0, batch.rfind('/'));
  input_file("python/batches.meta", bytes);
  int count = 0;
  for (const std::string &file : {records, pickle}) count += taken(file, [&] { check(load_cifar_file(file)); });
  for (const bool train : {true, false}) count += taken(archive, [&] { check(load_cifar(archive, train)); });
  bool named = false;  // else the categories are numbers, whatever the file of names is
  taken(folder, [&] {
    const Cifar cifar = load_cifar(folder, true);
    check(cifar);
    named = cifar.categories[0] != "0";
  });
  return count + named;
}

// The check sums of all headers of an archive; its names begin by "cifar".
void repair(Bytes &tar) {
  for (size_t at = 0; at + 512 <= tar.size() && tar[at] == 'c';) {
    seal_tar(tar, at);
    uint64_t size = 0;
    for (size_t i = at + 124; i < at + 135; ++i) size = 8 * size + (tar[i] & 7);
    if (size > tar.size()) return;
    at += 512 + (size_t(size) + 511) / 512 * 512;
  }
}

}  // namespace

FuzzTarget cifar_target() { return {"cifar", 16384, seeds, read, repair}; }

}  // namespace coopnets
