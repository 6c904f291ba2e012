#include "nets/network.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

namespace {

constexpr int first_power_iterations = 15;
constexpr int64_t first_vector = int64_t{1} << 30;  // of the numbers that singular vectors begin with: after all layers

std::vector<Shape> of_one_example(std::vector<Shape> shapes) {
  for (Shape &shape : shapes) shape.n = 1;
  return shapes;
}

// Element i of tensor number `index`, in (0, 1].
std::vector<real> uniform_values(int64_t size, RandomKey key, uint32_t index) {
  std::vector<real> values(size);
  for (int64_t i = 0; i < size; ++i) values[i] = uniform(random_block(key, 0, index, uint64_t(i / 4)).v[i % 4]);
  return values;
}

}  // namespace

Network::Network(Backend &backend, std::string name, NetFunction function, const std::vector<Shape> &inputs,
                 RandomKey key, double deviation)
    : backend_(backend), name_(std::move(name)), function_(std::move(function)), inputs_(of_one_example(inputs)) {
  backend.set_clock({0, 1});  // a net is the same whatever its backend did before
  const Sketch first = sketch(inputs_);
  for (const ParameterSpec &spec : first.parameters) {
    parameters_.push_back({spec, Tensor(backend, spec.shape)});
    initialise(parameters_.back(), key, deviation);
    if (spec.spectral_norm) begin_vectors(parameters_.back(), key);
  }
  for (int i = 0; i < first_power_iterations; ++i) iterate_spectral_norms();
  int64_t widest = 0;
  for (const BatchNormSpec &spec : first.batch_norms) {
    const Shape shape{1, 1, 1, 1, spec.channels};
    running_.push_back({spec, Tensor(backend, shape), Tensor(backend, shape)});
    backend.fill(running_.back().variance, 1);
    widest = std::max(widest, spec.channels);
  }
  if (widest > 0) backend.fill(ones_ = Tensor(backend, {1, 1, 1, 1, widest}), 1);
}

void Network::initialise(Parameter &p, RandomKey key, double deviation) {
  if (p.start) {
    backend_.fill(p.value, real(*p.start));
  } else if (p.initial == Conventions::uniform && p.kind != ParameterSpec::shift) {
    const double bound = p.kind == ParameterSpec::scale ? 1 : 1 / std::sqrt(double(p.inputs));
    const double least = p.kind == ParameterSpec::scale ? 0 : -bound;
    std::vector<real> values = uniform_values(p.value.size(), key, uint32_t(2 * p.layer + (p.kind != p.filters)));
    for (real &v : values) v = real(least + (bound - least) * double(v));
    p.value.set_values(values);
  } else if (p.kind == ParameterSpec::filters) {
    backend_.fill_normal(p.value, 0, real(p.deviation > 0 ? p.deviation : deviation), key, p.layer);
  } else {
    backend_.fill(p.value, p.kind == ParameterSpec::scale ? 1 : 0);
  }
}

// The first iteration makes v of u whatever the length of u, and u of v.
void Network::begin_vectors(Parameter &p, RandomKey key) {
  p.left = Tensor(backend_, {1, 1, 1, 1, p.shape.positions()});
  p.right = Tensor(backend_, {1, 1, 1, 1, p.shape.c});
  backend_.fill_normal(p.right, 0, 1, key, first_vector + p.layer);
}

void Network::iterate_spectral_norms() {
  for (Parameter &p : parameters_)
    if (p.spectral_norm) backend_.spectral_iteration(p.value, p.right, p.left);
}

// Finds the parameters again: each is one leaf, however often it is used, and is divided by its spectral norm once.
class Network::Recording final : public ParameterStore {
 public:
  Recording(Network &net, Tape &tape, Use &use, Statistics statistics)
      : net_(net), tape_(tape), use_(use), statistics_(statistics), divided_(net.parameters_.size()) {
    for (Parameter &p : net.parameters_) use.parameters.push_back(tape.leaf(p.value));
  }
  Variable parameter(const ParameterSpec &spec) override {
    for (size_t i = 0; i < net_.parameters_.size(); ++i)
      if (net_.parameters_[i].name == spec.name) {
        require_same(net_.parameters_[i].shape, spec.shape, ("the parameter '" + spec.name + "'").c_str());
        return net_.parameters_[i].spectral_norm ? divided(i) : use_.parameters[i];
      }
    throw std::invalid_argument("the net has no parameter '" + spec.name + "' for an input of this shape");
  }
  Variable ones(int64_t channels) override { return tape_.leaf({{1, 1, 1, 1, channels}, net_.ones_.data()}); }
  Variable batch_norm(const BatchNormSpec &spec, Variable x, Variable scale, Variable shift,
                      Activation activation) override {
    // Its shift was found, so it is there.
    const auto running = std::find_if(net_.running_.begin(), net_.running_.end(),
                                      [&](const Running &other) { return other.spec.layer == spec.layer; });
    use_.statistics.emplace_back(net_.backend_, tape_.shape(x).c);
    use_.of_running.push_back(int(running - net_.running_.begin()));
    BatchStatistics &own = use_.statistics.back();
    if (statistics_ == Statistics::batch)
      return coopnets::batch_norm(tape_, x, scale, shift, spec.epsilon, activation, own);
    return batch_norm_inference(tape_, x, scale, shift, running->mean, running->variance, spec.epsilon, activation,
                                own);
  }

 private:
  Variable divided(size_t i) {
    if (divided_[i].id >= 0) return divided_[i];
    const Parameter &p = net_.parameters_[i];
    use_.spectral_norms.emplace_back(net_.backend_, Shape{});
    return divided_[i] = spectral_norm(tape_, use_.parameters[i], p.right, p.left, use_.spectral_norms.back());
  }
  Network &net_;
  Tape &tape_;
  Use &use_;
  Statistics statistics_;
  std::vector<Variable> divided_;  // by parameter
};

std::unique_ptr<Network::Use> Network::record(Tape &tape, const std::vector<Variable> &inputs, Statistics statistics) {
  auto use = std::make_unique<Use>();
  Recording recording(*this, tape, *use, statistics);
  Recorder recorder(tape, recording, name_);
  use->outputs = function_(recorder, inputs);
  use->layers = recorder.layers();
  recorder.label();
  for (const Variable layer : use->layers) tape.keep_until_backward(layer);
  return use;
}

void Network::track(Use &use) {
  for (size_t i = 0; i < use.statistics.size(); ++i) {
    Running &running = running_[use.of_running[i]];
    backend_.batch_norm_track(use.statistics[i].mean, use.statistics[i].inverse_deviation, running.spec.epsilon,
                              batch_norm_keep, running.mean, running.variance);
  }
}

bool Network::takes(const std::vector<Shape> &inputs) const {
  try {
    const std::vector<ParameterSpec> specs = sketch(inputs).parameters;
    return std::equal(
        specs.begin(), specs.end(), parameters_.begin(), parameters_.end(),
        [](const ParameterSpec &a, const Parameter &b) { return a.name == b.name && a.shape == b.shape; });
  } catch (const std::invalid_argument &) {
    return false;
  }
}

int64_t Network::parameter_count() const {
  int64_t count = 0;
  for (const Parameter &p : parameters_) count += p.value.size();
  return count;
}

NamedViews Network::state() {
  NamedViews all;
  for (Parameter &p : parameters_) all.emplace_back(p.name, p.value);
  for (Running &r : running_) {
    all.emplace_back(r.spec.layer + "running_mean", r.mean);
    all.emplace_back(r.spec.layer + "running_variance", r.variance);
  }
  for (Parameter &p : parameters_) {
    if (!p.spectral_norm) continue;
    all.emplace_back(p.name + ".left", p.left);
    all.emplace_back(p.name + ".right", p.right);
  }
  return all;
}

}  // namespace coopnets
