// Nets of the toy: points of the plane, two channels at one position. Nothing is convolved, so that each layer is
// connected to all of the one before it.
#include "experiments/nets.h"

namespace coopnets {

namespace {

// Weights and biases begin uniform ([P]'s convention), so that the units' edges lie in different places. `scale` moves
// these places inwards and makes the edges steep: without it a net of the plane learns broad shapes alone for long.
Variable hidden(Recorder &r, Variable x, int64_t width, double scale) {
  r.conventions = pytorch;
  Variable h = r.affine(x, scale, 0);
  for (int layer = 0; layer < 3; ++layer) h = r.silu(r.fully_connected(h, width));
  return h;
}

Variables descriptor(Recorder &r, const Variables &x, int64_t width) {
  return {r.fully_connected(hidden(r, x[0], width, 10), 1)};
}

// Begins near tanh(0.7 z), which is spread over the square of the data; the hidden layers say what to add to 0.7 z.
// Takes as many latent channels as a point has.
Variables generator(Recorder &r, const Variables &z, int64_t width) {
  const Variable added = r.fully_connected(hidden(r, z[0], width, 4), 2);
  return {r.activate(r.add(added, r.affine(z[0], 0.7, 0)), tanh_activation())};
}

template <Variables (*net)(Recorder &, const Variables &, int64_t), int64_t width>
Variables of_width(Recorder &r, const Variables &x, const Settings &) {
  return net(r, x, width);
}

}  // namespace

std::vector<Net> point_nets() {
  constexpr Net::Role d = Net::descriptor, g = Net::generator;
  const auto z = latent_vector;
  return {{d, "points", "toy", "three layers of 64 units", of_width<descriptor, 64>, nullptr},
          {d, "points-wide", "toy", "three layers of 128 units", of_width<descriptor, 128>, nullptr},
          {g, "points", "toy", "three layers of 64 units, added to z", of_width<generator, 64>, z},
          {g, "points-wide", "toy", "three layers of 128 units, added to z", of_width<generator, 128>, z}};
}

}  // namespace coopnets
