#include <cmath>
#include <limits>

#include "cpu/cpu_backend.h"
#include "cpu/parallel.h"
#include "cpu/reduce.h"

namespace coopnets {

namespace {

// Calls element_of(u)(i) for every element i of every u's value, in one loop.
template <class Update, class ElementOf>
void for_elements_of(int threads, const std::vector<Update> &updates, const ElementOf &element_of) {
  const auto chunks = [](const Update &u) { return chunks_of(u.value.shape.size(), elements_a_chunk); };
  for_tasks(threads, updates, chunks, [&](const Update &u, int64_t chunk, int) {
    const int64_t begin = chunk * elements_a_chunk, end = std::min(begin + elements_a_chunk, u.value.shape.size());
    const auto element = element_of(u);
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) element(i);
  });
}

}  // namespace

// m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
// value -= rate (decay value + (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)),  t = iteration + 1.
void CpuBackend::adam(const std::vector<AdamUpdate> &updates, const AdamRule &rule) {
  const double t = double(clock_.iteration) + 1;
  const double correction1 = 1 - std::pow(double(rule.beta1), t), correction2 = 1 - std::pow(double(rule.beta2), t);
  const real beta1 = rule.beta1, beta2 = rule.beta2, epsilon = rule.epsilon, unbias = real(1 / correction2);
  for (const AdamUpdate &u : updates) {
    require_same(u.value.shape, u.gradient.shape, "adam: gradient");
    require_same(u.value.shape, u.first_moment.shape, "adam: first moment");
    require_same(u.value.shape, u.second_moment.shape, "adam: second moment");
  }
  for_elements_of(threads_, updates, [&](const AdamUpdate &u) {
    const double rate = u.rate * clock_.rate;
    const real step = real(rate / correction1), decay = real(rate * rule.weight_decay);
    real *value = u.value.data, *first = u.first_moment.data, *second = u.second_moment.data;
    const real *gradient = u.gradient.data;
    return [=](int64_t i) {
      const real g = gradient[i], m = beta1 * first[i] + (1 - beta1) * g, v = beta2 * second[i] + (1 - beta2) * g * g;
      first[i] = m;
      second[i] = v;
      value[i] -= decay * value[i] + step * m / (std::sqrt(unbias * v) + epsilon);
    };
  });
}

void CpuBackend::capped_momentum(const std::vector<MomentumUpdate> &updates, real momentum) {
  for (const MomentumUpdate &u : updates) {
    require_same(u.value.shape, u.gradient.shape, "capped momentum: gradient");
    require_same(u.value.shape, u.velocity.shape, "capped momentum: velocity");
  }
  for (const MomentumUpdate &u : updates) {
    const double largest = largest_magnitude(*this, u.gradient) / u.divisor;
    const double cap = u.cap > 0 ? u.cap : std::numeric_limits<double>::infinity();
    // A NaN anywhere makes `largest` NaN, so that it reaches every element and cannot be missed.
    const real factor = real((largest <= cap ? 1 : cap / largest) / u.divisor);
    const real decay = u.weight_decay, rate = real(u.rate * clock_.rate);
    real *value = u.value.data, *velocity = u.velocity.data;
    const real *gradient = u.gradient.data;
    for_elements(threads_, u.value.shape.size(), [=](int64_t i) {
      const real v = momentum * velocity[i] - decay * value[i] - factor * gradient[i];
      velocity[i] = v;
      value[i] += rate * v;
    });
  }
}

void CpuBackend::rmsprop(const std::vector<RmspropUpdate> &updates, real keep, real epsilon) {
  for (const RmspropUpdate &u : updates) {
    require_same(u.value.shape, u.gradient.shape, "RMSprop: gradient");
    require_same(u.value.shape, u.square.shape, "RMSprop: mean square");
  }
  for_elements_of(threads_, updates, [&](const RmspropUpdate &u) {
    const real rate = real(u.rate * clock_.rate);
    real *value = u.value.data, *square = u.square.data;
    const real *gradient = u.gradient.data;
    return [=](int64_t i) {
      const real g = gradient[i], mean = keep * square[i] + (1 - keep) * g * g;
      square[i] = mean;
      value[i] -= rate * g / (std::sqrt(mean) + epsilon);
    };
  });
}

void CpuBackend::average(const std::vector<AverageUpdate> &updates, real keep) {
  for (const AverageUpdate &u : updates) require_same(u.value.shape, u.average.shape, "average");
  const double t = double(clock_.iteration);
  const real share = real(1 - std::min(double(keep), t / (t + 1)));
  for_elements_of(threads_, updates, [&](const AverageUpdate &u) {
    const real *value = u.value.data;
    real *average = u.average.data;
    return [=](int64_t i) { average[i] += share * (value[i] - average[i]); };
  });
}

void CpuBackend::clip_norm(const std::vector<View> &gradients, real bound, Readings &readings, int slot) {
  require(bound >= 0, "clipping: the largest norm is 0, which is none, or more");
  double squares = 0;
  for (const View &g : gradients) squares += inner_product(*this, g, g);
  const double norm = std::sqrt(squares);
  write(readings, slot, norm);
  if (bound == 0 || norm <= double(bound)) return;
  const real factor = real(double(bound) / norm);
  for (const View &g : gradients) for_elements(threads_, g.shape.size(), [=](int64_t i) { g.data[i] *= factor; });
}

}  // namespace coopnets
