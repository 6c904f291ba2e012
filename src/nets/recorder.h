// A net is a C++ function that records itself: it takes a Recorder and its input variables, calls layers, branches and
// adds as plain code, and returns its outputs.
//
//   std::vector<Variable> descriptor(Recorder &r, const std::vector<Variable> &x) {
//     Variable h = r.conv(x[0], 64, same_side(4, 2), leaky_relu(0.2));
//     h = r.add(r.conv(h, 64, same_side(3, 1)), h);
//     return {r.fully_connected(h, 100)};
//   }
//
// Layers are numbered as they are called, so no expression may call two: C++ leaves open which comes first.
//
// It is called once for each tape, with inputs of any batch and of any size that its windows fit. Parameters come into
// being at the first recording and are found again, by name, at later ones.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/ops.h"
#include "nets/geometry.h"

namespace coopnets {

Activation linear();
Activation relu();
Activation leaky_relu(double slope);
Activation tanh_activation();
Activation sigmoid_activation();
Activation softplus();

// What a layer with filters may say beside its window.
struct LayerOptions {
  Activation activation;
  bool bias = true;
  double rate = 1;              // multiplies the net's learning rate
  double deviation = 0;         // of the initial filters; 0: the net's own
  std::optional<double> start;  // what all numbers of the layer begin with, whatever the net and its conventions say

  LayerOptions(Activation a = {}) : activation(a) {}
  LayerOptions without_bias() const;  // before batch normalisation, whose mean would subtract it again
  LayerOptions at_rate(double rate) const;
  LayerOptions zero() const;  // filters and bias begin at 0, so that the layer gives a(0) until it has learned
};

// In what the codes of other frameworks differ, where a net is to be the very net of its source.
struct Conventions {
  real batch_norm_epsilon = 1e-5;
  bool batch_norm_scale = true;  // a learned one; else it is 1
  // Filters are N(0, deviation^2), biases and shifts 0, scales 1; or as PyTorch 0.4 has them: filters and biases uniform
  // within 1/sqrt(n) for n inputs of each output, scales within [0, 1].
  enum Initial { normal, uniform } initial = normal;
  bool spectral_norm = false;  // filters are divided by their spectral norm before use
};

struct ParameterSpec {
  enum Kind { filters, bias, scale, shift } kind;
  std::string name;  // "descriptor.1.filters"
  Shape shape;
  double rate;        // multiplies the net's learning rate
  double deviation;   // of initial filters; 0: the net's own
  int64_t layer;      // its number, from 0
  int64_t positions;  // of its layer's output for one example of the nominal input
  int64_t inputs;     // of each output of its layer
  Conventions::Initial initial;
  std::optional<double> start;  // of all its numbers; goes before `deviation` and `initial`
  bool spectral_norm;           // what is used is the value divided by its spectral norm
};

// The running statistics of a batch norm.
struct BatchNormSpec {
  std::string layer;  // "descriptor.1."
  int64_t channels;
  real epsilon;
};

enum class Statistics { batch, running };  // which ones batch normalisation uses

// Who keeps the parameters of a net and gives, for each that is asked for, the tape's leaf or what is made of it.
class ParameterStore {
 public:
  virtual ~ParameterStore() = default;
  virtual Variable parameter(const ParameterSpec &) = 0;
  virtual Variable ones(int64_t channels) = 0;  // [1,1,1,1,channels], no parameter
  virtual Variable batch_norm(const BatchNormSpec &, Variable x, Variable scale, Variable shift, Activation) = 0;
};

// Every layer throws std::invalid_argument where it cannot take what it is given.
class Recorder {
 public:
  Recorder(Tape &tape, ParameterStore &store, std::string net) : tape_(tape), store_(store), net_(std::move(net)) {}

  Conventions conventions;    // of the layers that follow
  bool always_scale = false;  // every batch norm has a scale that is learned, whatever the conventions say

  // y = a(conv(x, filters) + bias), and its transpose. Parameters "N.filters" and "N.bias" of layer N.
  Variable conv(Variable x, int64_t channels, const Sides &, const LayerOptions & = {});
  Variable deconv(Variable x, int64_t channels, const Sides &, const LayerOptions & = {});
  // A convolution as large as its input.
  Variable fully_connected(Variable x, int64_t channels, const LayerOptions & = {});
  // y = a(scale (x - m) / sqrt(v + e) + shift). It belongs to the layer whose output it takes, if it is the last one:
  // parameters "N.scale" and "N.shift".
  Variable batch_norm(Variable x, Activation = {});
  // y = (x - m) / sqrt(v + 1e-5), m and v of each example's groups of neighbouring channels. No parameters.
  Variable group_norm(Variable x, int64_t groups);
  // y = scale x + shift, a number a channel, of each example or of all; either may be absent: Variable{}.
  Variable modulate(Variable x, Variable scale, Variable shift);
  // y = g x with a learned g, [1,1,1,1,C], that begins at `initial`. Always a layer of its own: parameter "N.scale".
  Variable scale_channels(Variable x, double initial);
  Variable activate(Variable x, Activation);
  Variable apply(Variable x, Function);
  Variable silu(Variable x) { return apply(x, Function::silu); }
  Variable add(Variable a, Variable b);
  Variable multiply(Variable a, Variable b);
  Variable affine(Variable x, double factor, double offset);
  // Rows and columns by 2, each channel by itself: see tensor/resampling.h.
  Variable downsample(Variable x, const Resampling &filter = Resampling::same(Resampling::binomial));
  Variable upsample(Variable x, const Resampling &filter = Resampling::same(Resampling::binomial));

  Variable slice(Variable x, int64_t first, int64_t count);  // of the channels
  Variable join(Variable a, Variable b);
  Variable sum_examples(Variable x);
  Variable log_softmax(Variable x);
  Variable one_hot(Variable x);
  Variable maxout(Variable x, int64_t pieces);
  Variable dropout(Variable x, double keep, RandomKey);  // each call draws numbers of its own
  Variable cosines(Variable x);
  Variable closeness(Variable x, int64_t features);

  // Layers are numbered in their order, those after scope("left") as left.0, left.1 and so on; scope("") goes back.
  // Layers of one name share their parameters: scope("left") twice records the same layers on two inputs.
  void scope(const std::string &prefix);
  const Shape &shape(Variable x) const { return tape_.shape(x); }

  // What was recorded: a line for each layer, the outputs of those with filters (after their batch norm), and the
  // multiply-adds of all, times 2.
  std::vector<std::string> lines() const;
  void label() const;  // the tape's nodes by these lines: "descriptor 2: conv 4x4 ..."
  const std::vector<Variable> &layers() const { return layers_; }
  double flop() const { return flop_; }

 private:
  struct Line {
    std::string what;
    std::vector<Variable> of;
    Variable out;
  };
  Variable with_filters(bool transposed, Variable x, int64_t channels, const Geometry &, const LayerOptions &);
  Variable note(const std::string &what, std::vector<Variable> of, Variable out);
  Variable parameter(ParameterSpec::Kind, const Shape &, const LayerOptions & = {});
  void next_layer(int64_t positions, int64_t inputs);
  void next_layer_of_channels(Variable x);

  Tape &tape_;
  ParameterStore &store_;
  std::string net_, prefix_, name_;  // name_: of the last layer, "descriptor.1."
  std::map<std::string, int64_t> next_in_scope_;
  Variable last_filtered_;  // what the last layer gave, if it has filters and no batch norm yet
  int64_t dropouts_ = 0;
  int64_t layer_ = -1, positions_ = 1, inputs_ = 1;  // of the last layer, as ParameterSpec has them
  std::vector<Line> lines_;
  std::vector<Variable> layers_;
  double flop_ = 0;
};

using NetFunction = std::function<std::vector<Variable>(Recorder &, const std::vector<Variable> &inputs)>;

// What a net is for inputs of these shapes, without any memory taken.
struct Sketch {
  std::vector<ParameterSpec> parameters;
  std::vector<BatchNormSpec> batch_norms;
  std::vector<Shape> outputs;
  std::vector<std::string> lines;
  double flop = 0;  // of the forward pass
};
Sketch sketch(const NetFunction &, const std::string &net, const std::vector<Shape> &inputs);

}  // namespace coopnets
