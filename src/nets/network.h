// A network: a list of layers, their parameters, and how they are recorded on a tape.
#pragma once
#include <string>
#include <vector>

#include "autodiff/ops.h"
#include "nets/layers.h"

namespace coopnets {

constexpr real batch_norm_epsilon = 1e-5;
constexpr real batch_norm_keep = 0.9;  // share of the old running statistics that an iteration keeps

struct Parameter {
  enum Kind { filters, bias, scale, shift };
  std::string name;  // "descriptor.1.filters"
  Kind kind;
  Tensor value;
  double rate;        // multiplies the net's learning rate
  int64_t positions;  // of its layer's output for one example of the nominal input
};

enum class Statistics { batch, running };  // which ones batch normalisation uses

class Network {
 public:
  // `input` is the nominal shape of one example (n is ignored). Filters are N(0, deviation^2), biases and shifts 0,
  // scales 1.
  Network(Backend &, std::string name, const Shape &input, std::vector<Layer>, RandomKey, double deviation);

  // One recorded use of the net on one tape. Lives as long as the tape is used.
  struct Use {
    Variable output;
    std::vector<Variable> outputs;     // of each layer
    std::vector<Variable> parameters;  // leaves, in the order of parameters()
    std::deque<BatchStatistics> statistics;
  };
  // Records the net on `tape` for input x, of any size that the windows fit. Throws std::invalid_argument otherwise.
  std::unique_ptr<Use> apply(Tape &, Variable x, Statistics);
  // Running statistics move towards those of the batch that `use` (recorded with Statistics::batch) saw last.
  void track(Use &use);

  const std::string &name() const { return name_; }
  const Shape &input() const { return input_; }
  const std::vector<Layer> &layers() const { return layers_; }
  Shape output(const Shape &input) const;
  // Whether an input of that shape suits the filters there are: a fully connected axis fits its nominal size alone.
  bool takes(const Shape &input) const;
  std::vector<Parameter> &parameters() { return parameters_; }
  int64_t parameter_count() const;
  // Everything that a checkpoint must hold: parameters and running statistics by name.
  std::vector<std::pair<std::string, View>> state();

 private:
  struct Running {
    std::string name;
    Tensor mean, variance;
  };
  // Of layer i: indices into parameters_ and running_, -1 where it has none.
  struct Slots {
    int filters = -1, bias = -1, scale = -1, shift = -1, running = -1;
  };
  Backend &backend_;
  std::string name_;
  Shape input_;
  std::vector<Layer> layers_;
  std::vector<Parameter> parameters_;
  std::vector<Running> running_;
  std::vector<Slots> slots_;
};

}  // namespace coopnets
