#include "autodiff/ops.h"

#include <stdexcept>

#include "tensor/checks.h"

namespace coopnets {

namespace {

void require_whole_batch(const Tape &tape, const char *what) {
  if (tape.can_run() && tape.backend().ranks().count() > 1)
    throw std::invalid_argument(std::string(what) +
                                " compare every example of a batch with every other, of which a rank "
                                "has but its share: such a net learns on one rank alone");
}

Shape per_channel(const Shape &x) { return {1, 1, 1, 1, x.c}; }

// v = conv(x, w) + b or conv^T(x, w) + b, y = a(v). conv is linear in x and in w, so each gradient is its adjoint applied
// to dv; b is added at every position, so db sums dv over them. The adjoint of conv^T is conv itself; and
// <dv, conv^T(x, w)> = <conv(dv, w), x>, whose gradient in w is that of a convolution with input dv and output gradient x.
// `positions`: of what conv gives, or of what conv^T takes.
Op convolution(const Window &window, Activation activation, bool transposed, const Shape &filters, int64_t positions) {
  Op op(transposed ? "deconv" : "conv");
  op.activation = activation;
  op.multiplies = op.separate = true;
  op.flop = convolution_flop(filters, positions);
  op.forward = [=](Backend &backend, const Inputs &in, View y) {
    const Epilogue epilogue{in[2], activation};
    transposed ? backend.conv_backward_input(in[0], in[1], window, epilogue, y)
               : backend.conv_forward(in[0], in[1], window, epilogue, y);
  };
  op.backward = [=](Backend &backend, const Inputs &in, View dv, const Derivative &derivative, const Gradients &d_in) {
    if (d_in[2].data) backend.bias_backward(dv, d_in[2]);
    if (d_in[1].data)
      transposed ? backend.conv_backward_filter(dv, in[0], window, d_in[1])
                 : backend.conv_backward_filter(in[0], dv, window, d_in[1]);
    const Epilogue epilogue{{}, {}, derivative};
    if (d_in[0].data)
      transposed ? backend.conv_forward(dv, in[1], window, epilogue, d_in[0])
                 : backend.conv_backward_input(dv, in[1], window, epilogue, d_in[0]);
  };
  op.reads = [](size_t i, const std::vector<bool> &asked) { return (i == 0 && asked[1]) || (i == 1 && asked[0]); };
  return op;
}

}  // namespace

double convolution_flop(const Shape &filters, int64_t positions) {
  return 2.0 * double(filters.size()) * double(positions);
}

Variable conv(Tape &tape, Variable x, Variable filters, Variable bias, const Window &window, Activation activation) {
  const Shape &xs = tape.shape(x), &ws = tape.shape(filters);
  if (ws != filter_shape(window, xs.c, ws.c) || (bias.id >= 0 && tape.shape(bias) != per_channel(ws)))
    throw std::invalid_argument("conv: filters " + ws.str() + " do not fit an input of " + xs.str());
  const Shape out = window.out(xs, ws.c);
  return tape.record(convolution(window, activation, false, ws, out.positions()), {x, filters, bias}, out);
}

Variable deconv(Tape &tape, Variable x, Variable filters, Variable bias, const Window &window, const Shape &out,
                Activation activation) {
  const Shape &xs = tape.shape(x), &ws = tape.shape(filters);
  if (ws != filter_shape(window, out.c, xs.c) || window.out(out, xs.c) != xs ||
      (bias.id >= 0 && tape.shape(bias) != per_channel(out)))
    throw std::invalid_argument("deconv: filters " + ws.str() + " do not lead from " + xs.str() + " to " + out.str());
  return tape.record(convolution(window, activation, true, ws, xs.positions()), {x, filters, bias}, out);
}

// sigma = v' W u has the gradient v u' in W, so dw = (dy - <dy, y> v u') / sigma, and <dy, y> = <dy, w> / sigma.
Variable spectral_norm(Tape &tape, Variable w, ConstView u, ConstView v, View sigma) {
  const Shape &ws = tape.shape(w);
  require_sides(ws, u.shape, v.shape);
  require_same(sigma.shape, {}, "spectral norm: sigma");
  Op op("spectral norm");
  op.in_place = true;
  op.reads = [](size_t, const std::vector<bool> &) { return true; };
  op.forward = [=](Backend &backend, const Inputs &in, View y) {
    backend.spectral_norm_forward(in[0], u, v, y, sigma);
  };
  op.backward = [=](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.spectral_norm_backward(in[0], dy, u, v, sigma, d_in[0]);
  };
  return tape.record(std::move(op), {w}, ws);
}

// ------------------------------------------------------------------------------------------- batch normalisation

BatchStatistics::BatchStatistics(Backend &backend, int64_t channels) {
  for (Tensor *tensor : {&mean, &inverse_deviation, &d_scale, &d_shift})
    *tensor = Tensor(backend, {1, 1, 1, 1, channels});
}

namespace {

// Inputs: x, scale, shift. The kernels always write the gradients of scale and shift.
Op normalisation(const Tape &tape, Variable x, Variable scale, Variable shift, Activation activation) {
  const Shape channels = per_channel(tape.shape(x));
  if (tape.shape(scale) != channels || tape.shape(shift) != channels)
    throw std::invalid_argument("batch_norm: scale and shift must have one number per channel of " +
                                tape.shape(x).str());
  Op op("batch norm");
  op.activation = activation;
  op.reads = [](size_t i, const std::vector<bool> &) { return i < 2; };
  op.in_place = true;
  return op;
}

}  // namespace

// y = a(scale (x - m) r + shift), r = 1/sqrt(v + epsilon). m and v depend on every x, whence the two correction terms of
// dx (backend.h).
Variable batch_norm(Tape &tape, Variable x, Variable scale, Variable shift, real epsilon, Activation activation,
                    BatchStatistics &s) {
  Op op = normalisation(tape, x, scale, shift, activation);
  op.forward = [=, &s](Backend &backend, const Inputs &in, View y) {
    backend.batch_norm_forward(in[0], in[1], in[2], epsilon, activation, y, s.mean, s.inverse_deviation);
  };
  op.backward = [&s](Backend &backend, const Inputs &in, View dv, const Derivative &, const Gradients &d_in) {
    backend.batch_norm_backward(in[0], dv, in[1], s.mean, s.inverse_deviation, d_in[0],
                                d_in[1].data ? d_in[1] : View(s.d_scale), d_in[2].data ? d_in[2] : View(s.d_shift));
  };
  return tape.record(std::move(op), {x, scale, shift}, tape.shape(x));
}

// dx = scale/sqrt(v + epsilon) dv: the statistics do not depend on x here.
Variable batch_norm_inference(Tape &tape, Variable x, Variable scale, Variable shift, ConstView mean,
                              ConstView variance, real epsilon, Activation activation, BatchStatistics &s) {
  Op op = normalisation(tape, x, scale, shift, activation);
  op.forward = [=](Backend &backend, const Inputs &in, View y) {
    backend.batch_norm_inference(in[0], in[1], in[2], mean, variance, epsilon, activation, y);
  };
  op.backward = [=, &s](Backend &backend, const Inputs &in, View dv, const Derivative &, const Gradients &d_in) {
    backend.batch_norm_inference_backward(in[0], dv, in[1], mean, variance, epsilon, d_in[0],
                                          d_in[1].data ? d_in[1] : View(s.d_scale),
                                          d_in[2].data ? d_in[2] : View(s.d_shift));
  };
  return tape.record(std::move(op), {x, scale, shift}, tape.shape(x));
}

// ------------------------------------------------------------------------------- group normalisation, modulation

// y = (x - m) r, r = 1/sqrt(v + epsilon). m and v depend on every x of the group, whence the two correction terms of dx
// (backend.h), which are made of y: x need not be kept.
Variable group_norm(Tape &tape, Variable x, int64_t groups, real epsilon) {
  const Shape &shape = tape.shape(x);
  require_groups(shape, groups);
  const Shape per_group{shape.n, 1, 1, 1, groups};
  const auto r = std::make_shared<Tensor>(tape.can_run() ? Tensor(tape.backend(), per_group) : Tensor());
  Op op("group norm");
  op.in_place = true;
  op.reads_output = true;
  op.forward = [=](Backend &backend, const Inputs &in, View y) {
    backend.group_norm_forward(in[0], groups, epsilon, y, *r);
  };
  op.backward = [=](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.group_norm_backward(in.back(), dy, *r, d_in[0]);
  };
  return tape.record(std::move(op), {x}, shape);
}

// y = scale x + shift, so dx = dy scale, and the gradients of scale and shift sum dy x and dy over all positions where
// they stand.
Variable modulate(Tape &tape, Variable x, Variable scale, Variable shift) {
  if (scale.id < 0 && shift.id < 0) throw std::invalid_argument("modulate: neither a scale nor a shift is given");
  for (const Variable parameter : {scale, shift})
    if (parameter.id >= 0) require_per_channel(tape.shape(x), tape.shape(parameter));
  Op op("modulation");
  op.in_place = true;
  op.reads = [](size_t i, const std::vector<bool> &asked) { return (i == 0 && asked[1]) || (i == 1 && asked[0]); };
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.modulate_forward(in[0], in[1], in[2], y); };
  op.backward = [](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.modulate_backward(in[0], in[1], dy, d_in[0], d_in[1], d_in[2]);
  };
  return tape.record(std::move(op), {x, scale, shift}, tape.shape(x));
}

// ------------------------------------------------------------------------------------------------------- pointwise

// v = x, y = a(v), so dx = dv.
Variable activate(Tape &tape, Variable x, Activation activation) {
  Op op("activation");
  op.activation = activation;
  op.in_place = true;
  op.forward = [=](Backend &backend, const Inputs &in, View y) { backend.activation_forward(in[0], activation, y); };
  op.backward = [](Backend &backend, const Inputs &, View dv, const Derivative &, const Gradients &d_in) {
    if (d_in[0].data != dv.data) backend.copy(dv, d_in[0]);
  };
  return tape.record(std::move(op), {x}, tape.shape(x));
}

// y = f(x); dx = dy f'(x).
Variable apply(Tape &tape, Variable x, Function function) {
  Op op("function");
  op.in_place = true;
  op.reads = [](size_t, const std::vector<bool> &) { return true; };
  op.forward = [=](Backend &backend, const Inputs &in, View y) { backend.function_forward(in[0], function, y); };
  op.backward = [=](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.function_backward(in[0], dy, function, d_in[0]);
  };
  return tape.record(std::move(op), {x}, tape.shape(x));
}

// y = a + b, so da = dy and db = dy.
Variable add(Tape &tape, Variable a, Variable b) {
  require_same(tape.shape(a), tape.shape(b), "add");
  Op op("sum");
  op.in_place = true;
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.add(in[0], in[1], y); };
  op.backward = [](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    for (const View &d : d_in)
      if (d.data && d.data != dy.data) backend.copy(dy, d);
  };
  return tape.record(std::move(op), {a, b}, tape.shape(a));
}

// y = a b, so da = dy b and db = dy a.
Variable multiply(Tape &tape, Variable a, Variable b) {
  require_same(tape.shape(a), tape.shape(b), "multiply");
  Op op("product");
  op.reads = [](size_t i, const std::vector<bool> &asked) { return asked[1 - i]; };
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.multiply(in[0], in[1], y); };
  op.backward = [](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    if (d_in[0].data) backend.multiply(dy, in[1], d_in[0]);
    if (d_in[1].data) backend.multiply(dy, in[0], d_in[1]);
  };
  return tape.record(std::move(op), {a, b}, tape.shape(a));
}

Variable affine(Tape &tape, Variable x, real factor, real offset) {
  Op op("affine");
  op.in_place = true;
  op.forward = [=](Backend &backend, const Inputs &in, View y) { backend.affine(in[0], factor, offset, y); };
  op.backward = [=](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    backend.affine(dy, factor, 0, d_in[0]);
  };
  return tape.record(std::move(op), {x}, tape.shape(x));
}

// The same mask in both directions: both are drawn from one counter. x is this rank's share of a batch.
Variable dropout(Tape &tape, Variable x, real keep, RandomKey key, int64_t index) {
  if (tape.can_run()) key.first_example = tape.backend().ranks().sum_before(tape.shape(x).n);
  if (!(keep > 0 && keep <= 1)) throw std::invalid_argument("dropout keeps a share of more than 0, of 1 at most");
  Op op("dropout");
  op.in_place = true;
  op.forward = [=](Backend &backend, const Inputs &in, View y) { backend.dropout(in[0], keep, key, index, y); };
  op.backward = [=](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    backend.dropout(dy, keep, key, index, d_in[0]);
  };
  return tape.record(std::move(op), {x}, tape.shape(x));
}

// ------------------------------------------------------------------------------------------- channels and examples

Variable slice(Tape &tape, Variable x, int64_t first, int64_t count) {
  Shape out = tape.shape(x);
  if (first < 0 || count < 1 || first + count > out.c)
    throw std::invalid_argument("slice: " + out.str() + " has no channels from " + std::to_string(first) + " to " +
                                std::to_string(first + count - 1));
  out.c = count;
  Op op("slice");
  op.forward = [=](Backend &backend, const Inputs &in, View y) { backend.copy_channels(in[0], first, count, y, 0); };
  op.backward = [=](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    backend.fill(d_in[0], 0);
    backend.copy_channels(dy, 0, count, d_in[0], first);
  };
  return tape.record(std::move(op), {x}, out);
}

Variable join(Tape &tape, Variable a, Variable b) {
  const int64_t left = tape.shape(a).c, right = tape.shape(b).c;
  Shape out = tape.shape(a), same = tape.shape(b);
  same.c = left;
  require_same(out, same, "join");
  out.c = left + right;
  Op op("join");
  op.forward = [=](Backend &backend, const Inputs &in, View y) {
    backend.copy_channels(in[0], 0, left, y, 0);
    backend.copy_channels(in[1], 0, right, y, left);
  };
  op.backward = [=](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    if (d_in[0].data) backend.copy_channels(dy, 0, left, d_in[0], 0);
    if (d_in[1].data) backend.copy_channels(dy, left, right, d_in[1], 0);
  };
  return tape.record(std::move(op), {a, b}, out);
}

Variable log_softmax(Tape &tape, Variable x) {
  Op op("log-softmax");
  op.in_place = true;
  op.reads_output = true;
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.log_softmax_forward(in[0], y); };
  op.backward = [](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.log_softmax_backward(in.back(), dy, d_in[0]);
  };
  return tape.record(std::move(op), {x}, tape.shape(x));
}

namespace {

// An op that jumps and is constant elsewhere.
Variable record_jump(Tape &tape, const char *name, Variable x,
                     std::function<void(Backend &, const Inputs &, View)> forward) {
  Op op(name);
  op.forward = std::move(forward);
  op.backward = [](Backend &backend, const Inputs &, View, const Derivative &, const Gradients &d_in) {
    backend.fill(d_in[0], 0);
  };
  return tape.record(std::move(op), {x}, tape.shape(x));
}

}  // namespace

Variable one_hot(Tape &tape, Variable x) {
  return record_jump(tape, "one hot", x, [](Backend &backend, const Inputs &in, View y) { backend.one_hot(in[0], y); });
}

Variable bernoulli(Tape &tape, Variable x, RandomKey key, int64_t index) {
  return record_jump(tape, "Bernoulli numbers", x,
                     [=](Backend &backend, const Inputs &in, View y) { backend.bernoulli(in[0], key, index, y); });
}

Variable maxout(Tape &tape, Variable x, int64_t pieces) {
  Shape out = tape.shape(x);
  if (pieces < 1 || out.c % pieces != 0)
    throw std::invalid_argument("maxout: " + out.str() + " has not pieces of " + std::to_string(pieces) + " channels");
  out.c /= pieces;
  Op op("maxout");
  op.reads = [](size_t, const std::vector<bool> &) { return true; };
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.maxout_forward(in[0], y); };
  op.backward = [](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.maxout_backward(in[0], dy, d_in[0]);
  };
  return tape.record(std::move(op), {x}, out);
}

Variable sum_examples(Tape &tape, Variable x) {
  Op op("sum of examples");
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.sum_examples(in[0], y); };
  op.backward = [](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    backend.spread_examples(dy, d_in[0]);
  };
  return tape.record(std::move(op), {x}, {tape.shape(x).n, 1, 1, 1, 1});
}

Variable cosines(Tape &tape, Variable x) {
  require_whole_batch(tape, "cosines");
  Op op("cosines");
  op.reads_output = true;
  op.reads = [](size_t, const std::vector<bool> &) { return true; };
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.cosines_forward(in[0], y); };
  op.backward = [](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.cosines_backward(in[0], in.back(), dy, d_in[0]);
  };
  const Shape &shape = tape.shape(x);
  op.flop = 2.0 * double(shape.n) * double(shape.size());
  return tape.record(std::move(op), {x}, {shape.n, 1, 1, 1, shape.n});
}

Variable closeness(Tape &tape, Variable x, int64_t features) {
  require_whole_batch(tape, "features of closeness");
  const Shape &in = tape.shape(x);
  if (features < 1 || in.example() != in.c || in.c % features != 0)
    throw std::invalid_argument("closeness: " + in.str() + " are no vectors of " + std::to_string(features) +
                                " features");
  Op op("closeness");
  op.reads = [](size_t, const std::vector<bool> &) { return true; };
  op.forward = [](Backend &backend, const Inputs &in, View y) { backend.closeness_forward(in[0], y); };
  op.backward = [](Backend &backend, const Inputs &in, View dy, const Derivative &, const Gradients &d_in) {
    backend.closeness_backward(in[0], dy, d_in[0]);
  };
  return tape.record(std::move(op), {x}, {in.n, 1, 1, 1, features});
}

// ------------------------------------------------------------------------------------------------------- resampling

// Both are linear, so each gradient is the adjoint: of a reduction an enlargement, and the other way round.
Variable downsample(Tape &tape, Variable x, const Resampling &filter) {
  Op op("downsample");
  op.forward = [=](Backend &backend, const Inputs &in, View y) { backend.downsample(in[0], filter, 1, y); };
  op.backward = [=](Backend &backend, const Inputs &, View dy, const Derivative &, const Gradients &d_in) {
    backend.upsample(dy, filter, 1, d_in[0]);
  };
  return tape.record(std::move(op), {x}, filter.reduced(tape.shape(x)));
}

Variable upsample(Tape &tape, Variable y, const Resampling &filter) {
  Op op("upsample");
  op.forward = [=](Backend &backend, const Inputs &in, View x) { backend.upsample(in[0], filter, 4, x); };
  op.backward = [=](Backend &backend, const Inputs &, View dx, const Derivative &, const Gradients &d_in) {
    backend.downsample(dx, filter, 4, d_in[0]);
  };
  return tape.record(std::move(op), {y}, filter.enlarged(tape.shape(y)));
}

}  // namespace coopnets
