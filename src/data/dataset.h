// The training examples of an experiment: any source of pictures, at the size of the nets, in the order of training.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/image.h"
#include "data/order.h"
#include "data/prefetch.h"
#include "data/source.h"

namespace coopnets {

// Bytes that examples may take: a quarter of the machine's memory, or of what a container leaves of it, as the folder of
// Linux's control groups says.
int64_t memory_for_examples(const std::string &control_groups = "/sys/fs/cgroup");

struct DatasetOptions {
  SourceOptions source;
  int64_t height = 0, width = 0;  // 0: those of the first picture
  int64_t channels = 0;           // 1 or 3; 0: those of the first picture
  Crop crop;
  Resize resize = Resize::average;
  Alpha alpha = Alpha::black;
  Normalise normalise = Normalise::stretch;
  uint64_t seed = 0;                              // of the order
  int64_t memory_limit = memory_for_examples();   // examples that take more are read from disk again and again
  int threads = 0;                                // that decode; 0: thread_count()
  std::function<void(const std::string &)> warn;  // takes a sentence; none: to stderr
};

// Examples are kept as bytes in memory when they fit, else they are decoded by worker threads ahead of use. Both give
// the same values, whatever the number of threads.
//
// The next good picture of its category takes the place of one that cannot be read (of any where it has none), so that
// size(), labels and order do not depend on when it is found. The thread that calls warns: of the first few by name,
// then once that there are more. More than 5 % of them: std::runtime_error.
class Dataset {
 public:
  // Throws std::runtime_error, one sentence that names the path, when there is nothing to learn from.
  explicit Dataset(const DatasetOptions &);
  Dataset(const Dataset &) = delete;
  Dataset &operator=(const Dataset &) = delete;

  int64_t size() const { return size_; }
  Shape shape() const { return shape_; }  // of one example: 1 x 1 x height x width x channels
  const std::vector<std::string> &categories() const { return source_.categories; }
  int64_t label(int64_t index) const;                                    // -1 without categories
  std::string name(int64_t index) const { return source_.name(index); }  // for captions and messages
  int64_t held_out() const { return source_.held_out; }                  // examples of the source that were set aside
  bool has_test_set() const { return source_.has_parts; }
  bool streams() const { return prefetch_ != nullptr; }
  int64_t bad_count() const;  // bad pictures that were found before the last call ended

  // From now on this file has a line for each bad picture found, its name, a tab and the reason, and warnings say so.
  // Without bad pictures it is removed. A file that cannot be written is a warning.
  void list_bad_in(const std::string &path);

  // Training: iteration k shows the examples at positions [k count, (k + 1) count) of an endless sequence of epochs,
  // each a permutation of all examples (epoch_order): any iteration can be the first.
  std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const;
  // Writes these examples, normalised, to out [count, 1, height, width, channels]; one thread at a time.
  void batch(int64_t iteration, int64_t count, real *out);

  // Examples [first, first + count) in the order of the source, or those named; decoded on all threads. Throws
  // std::invalid_argument when there are not so many.
  void examples(int64_t first, int64_t count, real *out) const;
  std::vector<real> examples(int64_t first, int64_t count) const;
  std::vector<real> examples(const std::vector<int64_t> &indices) const;
  Image image(int64_t index) const;  // its bytes, before normalisation

 private:
  using Bytes = std::vector<uint8_t>;
  Bytes decode(int64_t index) const;      // throws when the picture is bad
  Bytes good_bytes(int64_t index) const;  // of the example, or of the one that takes its place
  void note_bad(int64_t index, const std::string &why) const;
  void note_odd(int64_t index, const Image &) const;  // transparent or far too small, once each
  void say_warnings() const;
  void write_list() const;
  [[noreturn]] void too_many_bad(size_t count, const std::string &first) const;
  bool bad_is_too_many(size_t count) const { return 20 * count > size_t(size()); }
  void copy_examples(const std::vector<int64_t> &indices, real *out) const;
  void choose_shape();
  void load_all();
  void normalise(const uint8_t *bytes, real *out) const { to_reals(bytes, shape_.size(), options_.normalise, out); }

  DatasetOptions options_;
  Source source_;  // its pixels go once they are kept
  int64_t size_;
  Shape shape_;
  std::optional<Order> order_;
  Bytes kept_;  // all examples, when they fit
  mutable std::mutex bad_mutex_;
  mutable std::map<int64_t, std::string> bad_;  // and why
  mutable std::vector<int64_t> unsaid_;         // of them, found by threads that decode since the last warning
  mutable size_t named_ = 0;                    // of them, in warnings
  mutable bool said_more_ = false, said_list_ = false;
  std::string list_path_;
  mutable int64_t blended_ = -1, enlarged_ = -1;  // the first picture that is so; -1: none is
  mutable bool said_blended_ = false, said_enlarged_ = false;
  std::unique_ptr<Prefetch> prefetch_;  // last, so that its threads end before what they use
};

}  // namespace coopnets
