#include "nets/recorder.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace coopnets {

Activation linear() { return {}; }
Activation relu() { return {Activation::leaky_relu, 0}; }
Activation leaky_relu(double slope) { return {Activation::leaky_relu, real(slope)}; }
Activation tanh_activation() { return {Activation::tanh, 0}; }
Activation sigmoid_activation() { return {Activation::sigmoid, 0}; }
Activation softplus() { return {Activation::softplus, 0}; }

LayerOptions LayerOptions::without_bias() const {
  LayerOptions options = *this;
  options.bias = false;
  return options;
}

LayerOptions LayerOptions::at_rate(double factor) const {
  LayerOptions options = *this;
  options.rate = factor;
  return options;
}

LayerOptions LayerOptions::zero() const {
  LayerOptions options = *this;
  options.start = 0;
  return options;
}

namespace {

std::string sides(int64_t t, int64_t h, int64_t w) {
  return (t == 1 ? "" : std::to_string(t) + "x") + std::to_string(h) + "x" + std::to_string(w);
}

// "leaky ReLU 0.2"
std::string name_of(const Activation &a) {
  switch (a.kind) {
    case Activation::none:
      return "";
    case Activation::leaky_relu:
      char text[40];
      std::snprintf(text, sizeof text, "leaky ReLU %.3g", double(a.slope));
      return a.slope == 0 ? "ReLU" : text;
    case Activation::tanh:
      return "tanh";
    case Activation::sigmoid:
      return "sigmoid";
    case Activation::softplus:
      return "softplus";
  }
  return "";
}

std::string followed_by(const Activation &a) { return a.kind == Activation::none ? "" : ", " + name_of(a); }

}  // namespace

// ------------------------------------------------------------------------------------------------------- layers

Variable Recorder::conv(Variable x, int64_t channels, const Sides &s, const LayerOptions &options) {
  return with_filters(false, x, channels, conv_geometry(s, shape(x), channels), options);
}

Variable Recorder::deconv(Variable x, int64_t channels, const Sides &s, const LayerOptions &options) {
  return with_filters(true, x, channels, deconv_geometry(s, shape(x), channels), options);
}

Variable Recorder::fully_connected(Variable x, int64_t channels, const LayerOptions &options) {
  return conv(x, channels, {valid(0), valid(0), valid(0)}, options);
}

Variable Recorder::with_filters(bool transposed, Variable x, int64_t channels, const Geometry &g,
                                const LayerOptions &options) {
  const Shape in = shape(x);
  next_layer(g.out.positions() / g.out.n, g.window.taps() * in.c);
  const Variable filters = parameter(ParameterSpec::filters, g.filters, options);
  const Variable bias = options.bias ? parameter(ParameterSpec::bias, {1, 1, 1, 1, channels}, options) : Variable{};
  flop_ += convolution_flop(g.filters, transposed ? in.positions() : g.out.positions());
  const Variable y = transposed ? coopnets::deconv(tape_, x, filters, bias, g.window, g.out, options.activation)
                                : coopnets::conv(tape_, x, filters, bias, g.window, options.activation);
  layers_.push_back(last_filtered_ = y);
  const Window &v = g.window;
  const bool full = !transposed && g.out.positions() == g.out.n && in.positions() > in.n;
  std::string what =
      full ? "fully connected" : (transposed ? "deconv " : "conv ") + sides(v.t.kernel, v.h.kernel, v.w.kernel);
  if (v.t.stride * v.h.stride * v.w.stride > 1) what += " stride " + sides(v.t.stride, v.h.stride, v.w.stride);
  if (conventions.spectral_norm) what += ", spectral norm";
  return note(what + followed_by(options.activation), {x}, y);
}

Variable Recorder::batch_norm(Variable x, Activation activation) {
  const bool of_last_layer = last_filtered_.id >= 0 && last_filtered_.id == x.id;
  if (!of_last_layer) next_layer_of_channels(x);
  last_filtered_ = {};
  const Shape channels{1, 1, 1, 1, shape(x).c};
  const Variable scale = conventions.batch_norm_scale || always_scale ? parameter(ParameterSpec::scale, channels)
                                                                      : store_.ones(channels.c);
  const Variable shift = parameter(ParameterSpec::shift, channels);
  const Variable y =
      store_.batch_norm({name_, channels.c, conventions.batch_norm_epsilon}, x, scale, shift, activation);
  const std::string what = "batch norm" + followed_by(activation);
  if (!of_last_layer) return note(what, {x}, y);
  layers_.back() = lines_.back().out = y;
  lines_.back().what += ", " + what;
  return y;
}

Variable Recorder::group_norm(Variable x, int64_t groups) {
  const std::string what = "group norm, " + std::to_string(groups) + (groups == 1 ? " group" : " groups");
  return note(what, {x}, coopnets::group_norm(tape_, x, groups, real(1e-5)));
}

Variable Recorder::modulate(Variable x, Variable scale, Variable shift) {
  std::vector<Variable> of = {x};
  for (const Variable parameter : {scale, shift})
    if (parameter.id >= 0) of.push_back(parameter);
  return note("modulated", of, coopnets::modulate(tape_, x, scale, shift));
}

Variable Recorder::scale_channels(Variable x, double initial) {
  next_layer_of_channels(x);
  LayerOptions options;
  options.start = initial;
  const Variable scale = parameter(ParameterSpec::scale, {1, 1, 1, 1, shape(x).c}, options);
  return note("channels scaled", {x}, coopnets::modulate(tape_, x, scale, {}));
}

Variable Recorder::activate(Variable x, Activation activation) {
  return note(name_of(activation), {x}, coopnets::activate(tape_, x, activation));
}

Variable Recorder::apply(Variable x, Function function) {
  static const char *const names[] = {"SiLU", "exponential", "logarithm of the square", "normal to uniform"};
  return note(names[int(function)], {x}, coopnets::apply(tape_, x, function));
}

Variable Recorder::add(Variable a, Variable b) { return note("sum", {a, b}, coopnets::add(tape_, a, b)); }

Variable Recorder::multiply(Variable a, Variable b) { return note("product", {a, b}, coopnets::multiply(tape_, a, b)); }

Variable Recorder::affine(Variable x, double factor, double offset) {
  char text[64];
  std::snprintf(text, sizeof text, "times %.4g, plus %.4g", factor, offset);
  return note(text, {x}, coopnets::affine(tape_, x, real(factor), real(offset)));
}

Variable Recorder::slice(Variable x, int64_t first, int64_t count) {
  return note("channels " + std::to_string(first + 1) + " to " + std::to_string(first + count), {x},
              coopnets::slice(tape_, x, first, count));
}

Variable Recorder::join(Variable a, Variable b) { return note("joined", {a, b}, coopnets::join(tape_, a, b)); }

Variable Recorder::sum_examples(Variable x) { return note("sum", {x}, coopnets::sum_examples(tape_, x)); }

Variable Recorder::log_softmax(Variable x) { return note("log-softmax", {x}, coopnets::log_softmax(tape_, x)); }

Variable Recorder::one_hot(Variable x) { return note("1 for the largest", {x}, coopnets::one_hot(tape_, x)); }

Variable Recorder::maxout(Variable x, int64_t pieces) {
  return note("maxout of " + std::to_string(pieces), {x}, coopnets::maxout(tape_, x, pieces));
}

Variable Recorder::dropout(Variable x, double keep, RandomKey key) {
  char text[40];
  std::snprintf(text, sizeof text, "dropout, keeps %.3g", keep);
  return note(text, {x}, coopnets::dropout(tape_, x, real(keep), key, dropouts_++));
}

Variable Recorder::cosines(Variable x) { return note("cosines", {x}, coopnets::cosines(tape_, x)); }

Variable Recorder::closeness(Variable x, int64_t features) {
  return note("minibatch discrimination", {x}, coopnets::closeness(tape_, x, features));
}

Variable Recorder::downsample(Variable x, const Resampling &filter) {
  return note(std::string("halved") + (filter.taps == Resampling::average ? ", 2x2 means" : ", binomial"), {x},
              coopnets::downsample(tape_, x, filter));
}

Variable Recorder::upsample(Variable x, const Resampling &filter) {
  return note(std::string("doubled") + (filter.taps == Resampling::average ? ", nearest" : ", bilinear"), {x},
              coopnets::upsample(tape_, x, filter));
}

// ------------------------------------------------------------------------------------------------------- names

void Recorder::scope(const std::string &prefix) {
  prefix_ = prefix;
  if (!prefix.empty()) next_in_scope_[prefix] = 0;
}

void Recorder::next_layer(int64_t positions, int64_t inputs) {
  ++layer_;
  positions_ = positions;
  inputs_ = inputs;
  last_filtered_ = {};
  name_ = net_ + '.' + (prefix_.empty() ? "" : prefix_ + '.') + std::to_string(next_in_scope_[prefix_]++) + '.';
}

// One that has numbers for the channels of x.
void Recorder::next_layer_of_channels(Variable x) { next_layer(shape(x).positions() / shape(x).n, 1); }

Variable Recorder::parameter(ParameterSpec::Kind kind, const Shape &shape, const LayerOptions &options) {
  static const char *const kinds[] = {"filters", "bias", "scale", "shift"};
  return store_.parameter({kind, name_ + kinds[kind], shape, options.rate, options.deviation, layer_, positions_,
                           inputs_, conventions.initial, options.start,
                           conventions.spectral_norm && kind == ParameterSpec::filters});
}

Variable Recorder::note(const std::string &what, std::vector<Variable> of, Variable out) {
  lines_.push_back({what, std::move(of), out});
  return out;
}

// "conv 4x4 stride 2x2, leaky ReLU -> 32x32 x 64". Where a layer takes something else than what the line before it
// gave, it says of which lines, counted from 1.
std::vector<std::string> Recorder::lines() const {
  std::vector<std::string> text;
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Line &line = lines_[i];
    std::string of;
    for (const Variable v : line.of) {
      const auto from = std::find_if(lines_.begin(), lines_.begin() + int64_t(i),
                                     [&](const Line &other) { return other.out.id == v.id; });
      const bool input = from == lines_.begin() + int64_t(i);
      of += (of.empty() ? " of " : " and ") +
            (input ? "input " + std::to_string(v.id + 1) : std::to_string(from - lines_.begin() + 1));
    }
    const bool plain = line.of.size() == 1 && line.of[0].id == (i == 0 ? 0 : lines_[i - 1].out.id);
    const Shape &out = shape(line.out);
    text.push_back(line.what + (plain ? "" : of) + " -> " + sides(out.t, out.h, out.w) + " x " + std::to_string(out.c));
  }
  return text;
}

void Recorder::label() const {
  const std::vector<std::string> text = lines();
  for (size_t i = 0; i < text.size(); ++i)
    tape_.label(lines_[i].out, net_ + ' ' + std::to_string(i + 1) + ": " + text[i]);
}

// ------------------------------------------------------------------------------------------------------- sketches

namespace {

class SketchedParameters final : public ParameterStore {
 public:
  SketchedParameters(Tape &tape, Sketch &result) : tape_(tape), result_(result) {}
  Variable parameter(const ParameterSpec &spec) override {
    const auto before = std::find_if(result_.parameters.begin(), result_.parameters.end(),
                                     [&](const ParameterSpec &other) { return other.name == spec.name; });
    if (before == result_.parameters.end())
      result_.parameters.push_back(spec);
    else
      require_same(before->shape, spec.shape, ("two layers share '" + spec.name + "'").c_str());
    return tape_.leaf({spec.shape, nullptr});
  }
  Variable ones(int64_t channels) override { return tape_.leaf({{1, 1, 1, 1, channels}, nullptr}); }
  Variable batch_norm(const BatchNormSpec &spec, Variable x, Variable scale, Variable shift,
                      Activation activation) override {
    if (std::none_of(result_.batch_norms.begin(), result_.batch_norms.end(),
                     [&](const BatchNormSpec &other) { return other.layer == spec.layer; }))
      result_.batch_norms.push_back(spec);
    return coopnets::batch_norm(tape_, x, scale, shift, spec.epsilon, activation, nothing_);
  }

 private:
  Tape &tape_;
  Sketch &result_;
  BatchStatistics nothing_;
};

}  // namespace

Sketch sketch(const NetFunction &net, const std::string &name, const std::vector<Shape> &inputs) {
  Sketch result;
  Tape tape;
  SketchedParameters parameters(tape, result);
  Recorder recorder(tape, parameters, name);
  std::vector<Variable> x;
  for (const Shape &shape : inputs) x.push_back(tape.leaf({shape, nullptr}));
  for (const Variable y : net(recorder, x)) result.outputs.push_back(tape.shape(y));
  result.lines = recorder.lines();
  result.flop = recorder.flop();
  return result;
}

}  // namespace coopnets
