// A network: a function that records it, the parameters that this found, and its recordings on tapes.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "nets/recorder.h"

namespace coopnets {

constexpr real batch_norm_keep = 0.9;  // share of the old running statistics that an iteration keeps

struct Parameter : ParameterSpec {
  Tensor value;
  // Where it is divided by its spectral norm: v and u of Backend::spectral_iteration.
  Tensor left = {}, right = {};
};

class Network {
 public:
  // `inputs` are the nominal shapes of one example's inputs (n is ignored). Initial filters are N(0, deviation^2) where
  // the net does not say otherwise.
  Network(Backend &, std::string name, NetFunction, const std::vector<Shape> &inputs, RandomKey, double deviation);

  // One recording of the net on one tape. Lives as long as the tape is used.
  struct Use {
    std::vector<Variable> outputs;
    std::vector<Variable> layers;            // what its layers gave, readable until backward()
    std::vector<Variable> parameters;        // leaves, in the order of parameters()
    std::deque<BatchStatistics> statistics;  // of each batch norm
    std::vector<int> of_running;             // and which running statistics it belongs to
    std::deque<Tensor> spectral_norms;       // of the parameters that are divided by theirs
  };
  // Records the net on `tape` for inputs of any size that its windows fit. Throws std::invalid_argument otherwise.
  std::unique_ptr<Use> record(Tape &, const std::vector<Variable> &inputs, Statistics);
  // One power iteration of each parameter's spectral norm, for all recordings: once an iteration of learning, and never
  // within a Langevin chain, whose energy would change with it.
  void iterate_spectral_norms();
  // Running statistics move towards those of the batch that `use` (recorded with Statistics::batch) saw last.
  void track(Use &use);

  Backend &backend() const { return backend_; }
  const std::string &name() const { return name_; }
  const std::vector<Shape> &inputs() const { return inputs_; }
  const Shape &input() const { return inputs_.at(0); }
  Sketch sketch(const std::vector<Shape> &inputs) const { return coopnets::sketch(function_, name_, inputs); }
  Shape output(const std::vector<Shape> &inputs) const { return sketch(inputs).outputs.at(0); }
  Shape output(const Shape &input) const { return output(std::vector<Shape>{input}); }
  // Whether inputs of these shapes suit the parameters there are: a fully connected axis fits its nominal size alone.
  bool takes(const std::vector<Shape> &inputs) const;
  std::vector<Parameter> &parameters() { return parameters_; }
  int64_t parameter_count() const;
  // Everything that a checkpoint must hold: parameters, running statistics and singular vectors by name.
  NamedViews state();

 private:
  class Recording;
  struct Running {
    BatchNormSpec spec;
    Tensor mean, variance;
  };
  void initialise(Parameter &, RandomKey, double deviation);
  void begin_vectors(Parameter &, RandomKey);
  Backend &backend_;
  std::string name_;
  NetFunction function_;
  std::vector<Shape> inputs_;
  std::vector<Parameter> parameters_;
  std::deque<Running> running_;
  Tensor ones_;  // as many as the widest batch norm has channels
};

}  // namespace coopnets
