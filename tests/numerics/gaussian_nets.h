// What the tests of diffusion recovery likelihood share: its constants as the paper's code has them, and nets so small
// that every number can be worked out.
#pragma once
#include <string>

#include "learning/cdrl.h"
#include "numerics/helpers.h"
#include "tensor/random.h"

namespace coopnets {

// alpha-bar of level i of T: the share of the data's variance that is left.
inline double alpha_bar(int64_t i, int64_t T) {
  const double b = std::atan(std::exp(-9.8 / 2)), a = std::atan(std::exp(5.1 / 2)) - b;
  const double log_snr = -2 * std::log(std::tan(a * double(i) / double(T) + b));
  return 1 / (1 + std::exp(-log_snr));
}

// Of the transition to level t of T, after main_uncond.py of github.com/AlvinZhuyx/CDRL.
struct Terms {
  double kept, sigma, growth;             // alpha_t; sqrt(1 - alpha_t); c
  double scale, step_noise, first_noise;  // y = scale x_{t-1}; b; sqrt(beta~ alpha*)
  double weight, tether;                  // sigma_1 / sigma_t; 2e-4 c, none in the last
};
inline Terms terms(int64_t t, int64_t T) {
  const double before = alpha_bar(t - 1, T), after = alpha_bar(t, T), clean = alpha_bar(0, T);
  const double kept = after / before, beta = (1 - before) / (1 - after) * (1 - kept);
  const double c = std::sqrt((1 - before) / (1 - clean)), first = std::sqrt(1 - alpha_bar(1, T) / clean);
  const double sigma = std::sqrt(1 - kept), shrunk = t == T ? 1 : kept;
  return {kept,
          sigma,
          c,
          std::sqrt(shrunk),
          std::sqrt(4e-4 * c) * sigma,
          std::sqrt(beta * shrunk),
          first / sigma,
          t == T ? 0 : 2e-4 * c};
}

// What the kernels draw.
inline double drawn(RandomKey key, int64_t iteration, int64_t index, int64_t element) {
  float n[4];
  normals(random_block(key, uint64_t(iteration), uint32_t(index), uint64_t(element / 4)), n);
  return double(n[element % 4]);
}

// f(y, level) = the sum of y (s y + h): s and h are numbers of each channel, linear in what is told of the level. It is
// the logarithm of a Gaussian density of variance -1/(2 s) and mean -h/(2 s).
inline std::vector<Variable> gaussian_energy(Recorder &r, const std::vector<Variable> &x) {
  const int64_t channels = r.shape(x[0]).c;
  const Variable s = r.fully_connected(x[1], channels);
  const Variable h = r.fully_connected(x[1], channels);
  return {r.sum_examples(r.multiply(x[0], r.modulate(x[0], s, h)))};
}

// U(x, level) = scale x + shift, likewise.
inline std::vector<Variable> linear_initialiser(Recorder &r, const std::vector<Variable> &x) {
  const int64_t channels = r.shape(x[0]).c;
  const Variable scale = r.fully_connected(x[1], channels);
  const Variable shift = r.fully_connected(x[1], channels);
  return {r.modulate(x[0], scale, shift)};
}

inline std::unique_ptr<Network> told_net(Backend &backend, const std::string &name, const NetFunction &function,
                                         const Shape &example, int64_t told, double deviation = 0.1) {
  const Purpose purpose = name == "energy" ? Purpose::descriptor_weights : Purpose::generator_weights;
  const std::vector<Shape> inputs = {example, {1, 1, 1, 1, told}};
  return std::make_unique<Network>(backend, name, function, inputs, RandomKey{5, purpose}, deviation);
}

// With the nets above, which are told `told` numbers.
inline std::unique_ptr<Cdrl> gaussian_learner(Backend &backend, const Shape &example, int64_t told,
                                              const CdrlSettings &s) {
  return std::make_unique<Cdrl>(told_net(backend, "energy", gaussian_energy, example, told),
                                told_net(backend, "initialiser", linear_initialiser, example, told), s);
}

inline View view_of(Learner &learner, const std::string &name) {
  for (const auto &[known, view] : learner.state())
    if (known == name) return view;
  throw std::logic_error("no state " + name);
}
inline std::vector<real> state_of(Learner &learner, const std::string &name) {
  return values(test_backend(), view_of(learner, name));
}
inline void set_state(Learner &learner, const std::string &name, const std::vector<real> &to) {
  const View view = view_of(learner, name);
  require(int64_t(to.size()) == view.shape.size(), "another number of values");
  test_backend().upload(to.data(), view.data, to.size() * sizeof(real));
}
// Everything, tensor by tensor.
inline std::vector<std::vector<real>> whole_state(Learner &learner) {
  std::vector<std::vector<real>> all;
  for (const auto &[name, view] : learner.state()) all.push_back(values(test_backend(), view));
  return all;
}

inline const Shape two_by_two{1, 1, 1, 2, 2};  // two positions of two channels
constexpr int64_t told = 4;                    // numbers of a level

// What is told of level `level` of T and of the class, and the 1 that a bias is multiplied by.
inline std::vector<double> about(int64_t T, int64_t level, int64_t classes, int64_t label) {
  std::vector<double> all;
  for (const real v : Diffusion(T).embedding(level, told)) all.push_back(double(v));
  for (int64_t k = 0; k < classes; ++k) all.push_back(k == label ? 1 : 0);
  all.push_back(1);
  return all;
}

// A fully connected layer from what is told to two channels, and its update.
struct Layer {
  std::vector<double> values, velocity, gradient;  // [told][channel], then the biases

  Layer(Learner &learner, const std::string &name) {
    for (const char *part : {".filters", ".bias"})
      for (const real v : state_of(learner, name + part)) values.push_back(v);
    velocity = gradient = std::vector<double>(values.size());
  }
  double of(const std::vector<double> &about, size_t channel) const {
    double sum = 0;
    for (size_t k = 0; k < about.size(); ++k) sum += about[k] * values[2 * k + channel];
    return sum;
  }
  void collect(const std::vector<double> &about, size_t channel, double d) {
    for (size_t k = 0; k < about.size(); ++k) gradient[2 * k + channel] += d * about[k];
  }
  double squares() const {
    double sum = 0;
    for (const double g : gradient) sum += g * g;
    return sum;
  }
  void step(double rate, double factor) {
    for (size_t i = 0; i < values.size(); ++i) {
      velocity[i] = 0.5 * velocity[i] - factor * gradient[i];
      values[i] += rate * velocity[i];
      gradient[i] = 0;
    }
  }
};

}  // namespace coopnets
