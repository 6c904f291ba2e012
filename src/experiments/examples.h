// The observed examples of an experiment, whatever they are made of.
#pragma once
#include <functional>
#include <memory>

#include "data/dataset.h"
#include "experiments/experiment.h"

namespace coopnets {

class Examples {
 public:
  virtual ~Examples() = default;
  virtual int64_t size() const = 0;
  // Iteration k shows the examples at positions [k count, (k+1) count) of an endless sequence of epochs, each in an
  // order of its own that follows from the seed: any iteration can be the first.
  virtual std::vector<int64_t> batch_indices(int64_t iteration, int64_t count) const = 0;
  virtual std::vector<real> batch(int64_t iteration, int64_t count) = 0;
  // Examples [first, first + count) in the order of the source.
  std::vector<real> range(int64_t first, int64_t count) const;
  virtual std::vector<real> some(const std::vector<int64_t> &indices) const = 0;
  // The picture or clip whose parts are shown, else the example itself. `shape` is an example's, and becomes that of the
  // values.
  virtual std::vector<real> whole(int64_t index, Shape &shape) const {
    shape.n = 1;
    return range(index, 1);
  }
  virtual int64_t label(int64_t index) const = 0;         // -1 where there are none
  virtual int64_t bad_count() const = 0;                  // pictures found unreadable so far, whose places others took
  virtual void list_bad_in(const std::string &path) = 0;  // as Dataset::list_bad_in()
  virtual int64_t held_out() const = 0;                   // examples that are set aside for evaluation
  virtual int64_t milliseconds() const { return 100; }    // that a frame is shown, where these are clips
  virtual bool has_test_set() const = 0;                  // the data is published as a training and a test set
};

// Which part of the data: settings.held_out examples of the training set are set aside (of digits the last ones, else
// ones drawn by the seed); the test set is the published one.
enum class Part { train, held_out, test };

// Opens `path`, or the experiment's default data when it is empty. Throws std::runtime_error, one sentence that says
// what is missing and how to get it. Pictures that take more than `memory` bytes are read again and again.
std::unique_ptr<Examples> open_examples(const Experiment &, const Settings &, const std::string &path, uint64_t seed,
                                        const std::function<void(const std::string &)> &warn, Part part = Part::train,
                                        int64_t memory = memory_for_examples());

// Opens what a run learns from. settings.held_out, where the user has not chosen it, is a preset's wish that knows
// nothing of the data: a sixth of the examples at most, which `note` is told of. It becomes the number that was really
// set aside, for config.txt and the checkpoint, so that whoever opens the examples later sees the same split.
std::unique_ptr<Examples> open_training_examples(const Experiment &, Settings &, const std::string &path, uint64_t seed,
                                                 const std::function<void(const std::string &)> &warn,
                                                 const std::function<void(const std::string &)> &note,
                                                 bool held_out_chosen);

// What is said of fewer examples set aside than a preset wished for; "" where it got them.
std::string held_out_note(int64_t wished, int64_t held_out, int64_t learned);

}  // namespace coopnets
