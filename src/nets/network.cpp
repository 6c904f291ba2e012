#include "nets/network.h"

#include <stdexcept>

namespace coopnets {

Network::Network(Backend &backend, std::string name, const Shape &input, std::vector<Layer> layers, RandomKey key,
                 double deviation)
    : backend_(backend), name_(std::move(name)), input_(input.with_n(1)), layers_(std::move(layers)) {
  Shape x = input_;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer &layer = layers_[i];
    const Geometry g = geometry(layer, x);
    const std::string prefix = name_ + "." + std::to_string(i) + ".";
    const Shape channels{1, 1, 1, 1, layer.channels};
    const int64_t positions = g.out.positions();
    auto add = [&](const char *what, Parameter::Kind kind, const Shape &shape) {
      parameters_.push_back({prefix + what, kind, Tensor(backend, shape), layer.rate, positions});
      return static_cast<int>(parameters_.size()) - 1;
    };
    Slots slots;
    slots.filters = add("filters", Parameter::filters, g.filters);
    backend.fill_normal(parameters_.back().value, 0, static_cast<real>(layer.deviation ? layer.deviation : deviation),
                        key, static_cast<int64_t>(i));
    if (layer.batch_norm) {
      slots.scale = add("scale", Parameter::scale, channels);
      backend.fill(parameters_.back().value, 1);
      slots.shift = add("shift", Parameter::shift, channels);
      slots.running = static_cast<int>(running_.size());
      running_.push_back({prefix + "running_", Tensor(backend, channels), Tensor(backend, channels)});
      backend.fill(running_.back().variance, 1);
    } else {
      slots.bias = add("bias", Parameter::bias, channels);
    }
    slots_.push_back(slots);
    x = g.out;
  }
}

std::unique_ptr<Network::Use> Network::apply(Tape &tape, Variable x, Statistics statistics) {
  auto use = std::make_unique<Use>();
  for (Parameter &p : parameters_) use->parameters.push_back(tape.leaf(p.value));
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer &layer = layers_[i];
    const Slots &slots = slots_[i];
    const Geometry g = geometry(layer, tape.shape(x));
    const Variable filters = use->parameters[slots.filters];
    const Variable bias = slots.bias < 0 ? Variable{} : use->parameters[slots.bias];
    const Activation activation = layer.batch_norm ? linear() : layer.activation;
    x = layer.kind == Layer::conv ? conv(tape, x, filters, bias, g.window, activation)
                                  : deconv(tape, x, filters, bias, g.window, g.out, activation);
    if (layer.batch_norm) {
      const Variable scale = use->parameters[slots.scale], shift = use->parameters[slots.shift];
      if (statistics == Statistics::batch) {
        use->statistics.push_back(
            {Tensor(backend_, {1, 1, 1, 1, layer.channels}), Tensor(backend_, {1, 1, 1, 1, layer.channels})});
        x = batch_norm(tape, x, scale, shift, batch_norm_epsilon, layer.activation, use->statistics.back());
      } else {
        const Running &r = running_[slots.running];
        x = batch_norm_inference(tape, x, scale, shift, r.mean, r.variance, batch_norm_epsilon, layer.activation);
      }
    }
    use->outputs.push_back(x);
  }
  use->output = x;
  return use;
}

void Network::track(Use &use) {
  for (size_t i = 0; i < use.statistics.size(); ++i)
    backend_.batch_norm_track(use.statistics[i].mean, use.statistics[i].inverse_deviation, batch_norm_epsilon,
                              batch_norm_keep, running_[i].mean, running_[i].variance);
}

Shape Network::output(const Shape &input) const {
  Shape x = input;
  for (const Layer &layer : layers_) x = geometry(layer, x).out;
  return x;
}

bool Network::takes(const Shape &input) const {
  Shape x = input;
  for (size_t i = 0; i < layers_.size(); ++i) {
    try {
      const Geometry g = geometry(layers_[i], x);
      if (g.filters != parameters_[slots_[i].filters].value.shape()) return false;
      x = g.out;
    } catch (const std::invalid_argument &) {
      return false;
    }
  }
  return true;
}

int64_t Network::parameter_count() const {
  int64_t count = 0;
  for (const Parameter &p : parameters_) count += p.value.size();
  return count;
}

std::vector<std::pair<std::string, View>> Network::state() {
  std::vector<std::pair<std::string, View>> all;
  for (Parameter &p : parameters_) all.emplace_back(p.name, p.value);
  for (Running &r : running_) {
    all.emplace_back(r.name + "mean", r.mean);
    all.emplace_back(r.name + "variance", r.variance);
  }
  return all;
}

}  // namespace coopnets
