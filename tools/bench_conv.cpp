// Times the large convolutions of the benchmark nets, each in its three products, on one device: tools/bench_conv.py
// runs this and sets cuDNN beside it. Each product ends as in training (tensor/backend.h, Epilogue): forward, and that of
// a generator back to the input, with a bias and leaky ReLU; a descriptor's back to the input with the derivative of the
// layer below.
//
//   bench_conv cpu|cuda[:I] fp32|tf32|bf16 [NAME]...      all convolutions, or those named; one line of JSON a product
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

#include "app/device.h"
#include "tensor/tensor.h"

namespace coopnets {
namespace {

// A deconvolution counts as the convolution that it transposes: its forward pass is backward_input.
struct Layer {
  const char *name;
  Shape x;
  Window window;
  int64_t cout;
};

const Axis one;
const Layer layers[] = {
    {"texture.descriptor.1", {1, 1, 224, 224, 3}, {one, {15, 3, 7, 7}, {15, 3, 7, 7}}, 100},
    {"texture.descriptor.2", {1, 1, 75, 75, 100}, {one, {9, 1, 4, 4}, {9, 1, 4, 4}}, 70},
    {"texture.descriptor.3", {1, 1, 75, 75, 70}, {one, {7, 1, 3, 3}, {7, 1, 3, 3}}, 30},
    {"texture.generator.2", {1, 1, 28, 28, 256}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 512},
    {"texture.generator.3", {1, 1, 56, 56, 128}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 256},
    {"texture.generator.4", {1, 1, 112, 112, 64}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 128},
    {"texture.generator.5", {1, 1, 224, 224, 3}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 64},
    {"digits.descriptor.2", {144, 1, 14, 14, 64}, {one, {4, 2, 1, 1}, {4, 2, 1, 1}}, 128},
    {"digits.descriptor.3", {144, 1, 7, 7, 128}, {one, {4, 2, 1, 2}, {4, 2, 1, 2}}, 256},
    {"digits.generator.2", {144, 1, 7, 7, 256}, {one, {4, 2, 1, 2}, {4, 2, 1, 2}}, 512},
    {"digits.generator.3", {144, 1, 14, 14, 128}, {one, {4, 2, 1, 1}, {4, 2, 1, 1}}, 256},
    {"scene.descriptor.1", {144, 1, 64, 64, 3}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 64},
    {"scene.descriptor.2", {144, 1, 32, 32, 64}, {one, {3, 2, 0, 1}, {3, 2, 0, 1}}, 128},
    {"scene.descriptor.3", {144, 1, 16, 16, 128}, {one, {3, 1, 1, 1}, {3, 1, 1, 1}}, 256},
    {"scene.descriptor.4", {144, 1, 16, 16, 256}, {one, {16, 1, 0, 0}, {16, 1, 0, 0}}, 100},
    {"scene.generator.2", {144, 1, 8, 8, 256}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 512},
    {"scene.generator.3", {144, 1, 16, 16, 128}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 256},
    {"scene.generator.4", {144, 1, 32, 32, 64}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 128},
    {"scene.generator.5", {144, 1, 64, 64, 3}, {one, {5, 2, 1, 2}, {5, 2, 1, 2}}, 64},
    {"video.descriptor.1", {2, 64, 128, 128, 3}, {{5, 2, 1, 2}, {5, 2, 1, 2}, {5, 2, 1, 2}}, 120},
    {"video.descriptor.2", {2, 32, 64, 64, 120}, {{5, 2, 2, 2}, {64, 1, 0, 0}, {64, 1, 0, 0}}, 30},
    {"video.generator.2", {2, 32, 32, 32, 128}, {{5, 2, 0, -1}, {32, 1, 0, 0}, {32, 1, 0, 0}}, 256},
    {"video.generator.3", {2, 64, 64, 64, 64}, {{5, 2, 1, 2}, {5, 2, 1, 2}, {5, 2, 1, 2}}, 128},
};

// Median seconds of one call, each sample being as many calls as take 20 ms.
template <class Call>
double seconds(Backend &backend, const Call &call) {
  using clock = std::chrono::steady_clock;
  const auto time = [&](int calls) {
    const auto begin = clock::now();
    for (int i = 0; i < calls; ++i) call();
    backend.synchronise();
    return std::chrono::duration<double>(clock::now() - begin).count() / calls;
  };
  call();
  backend.synchronise();
  const int calls = std::max(1, int(0.02 / time(1)));
  std::vector<double> samples;
  for (int i = 0; i < 7; ++i) samples.push_back(time(calls));
  std::nth_element(samples.begin(), samples.begin() + 3, samples.end());
  return samples[3];
}

void print(const char *key, const Axis &t, const Axis &h, const Axis &w, int64_t Axis::*member) {
  std::printf("\"%s\": [%d, %d, %d], ", key, int(t.*member), int(h.*member), int(w.*member));
}

void measure(Backend &backend, const Layer &layer) {
  const Window &window = layer.window;
  const Shape shape_w = filter_shape(window, layer.x.c, layer.cout), shape_y = window.out(layer.x, layer.cout);
  const Tensor x(backend, layer.x), w(backend, shape_w), y(backend, shape_y);
  backend.fill_normal(x, 0, 1, {1, Purpose::test}, 0);
  backend.fill_normal(w, 0, real(0.01), {1, Purpose::test}, 1);
  backend.fill_normal(y, 0, 1, {1, Purpose::test}, 2);
  const double gflop = 2e-9 * double(shape_y.positions()) * double(shape_w.size());
  const auto report = [&](const char *product, double time) {
    std::printf(
        "{\"conv\": \"%s\", \"product\": \"%s\", \"device\": \"%s\", \"precision\": \"%s\", \"x\": [%d, %d, %d, %d, "
        "%d], ",
        layer.name, product, backend.info().name.c_str(), name_of(backend.info().precision), int(layer.x.n),
        int(layer.x.t), int(layer.x.h), int(layer.x.w), int(layer.x.c));
    print("kernel", window.t, window.h, window.w, &Axis::kernel);
    print("stride", window.t, window.h, window.w, &Axis::stride);
    print("before", window.t, window.h, window.w, &Axis::before);
    print("after", window.t, window.h, window.w, &Axis::after);
    std::printf("\"channels\": %d, \"gflop\": %.4f, \"seconds\": %.3e}\n", int(layer.cout), gflop, time);
    std::fflush(stdout);
  };
  const Tensor x_bias(backend, {1, 1, 1, 1, layer.x.c}, std::vector<real>(size_t(layer.x.c), real(0.1))),
      y_bias(backend, {1, 1, 1, 1, layer.cout}, std::vector<real>(size_t(layer.cout), real(0.1)));
  const Activation leaky{Activation::leaky_relu, real(0.2)};
  const bool generates = std::string(layer.name).find("generator") != std::string::npos;
  const Tensor below(backend, generates ? shape_y : layer.x), dx(backend, layer.x), out(backend, shape_y);
  backend.fill_normal(below, 0, 1, {1, Purpose::test}, 3);
  const Epilogue layers_end{generates ? x_bias : y_bias, leaky, {}}, gradients_end{{}, {}, {below, leaky}};
  const Epilogue &of_y = generates ? gradients_end : layers_end, &of_x = generates ? layers_end : gradients_end;
  report("forward", seconds(backend, [&] { backend.conv_forward(x, w, window, of_y, out); }));
  report("backward_input", seconds(backend, [&] { backend.conv_backward_input(y, w, window, of_x, dx); }));
  report("backward_filter", seconds(backend, [&] { backend.conv_backward_filter(x, y, window, w); }));
}

}  // namespace
}  // namespace coopnets

int main(int count, char **arguments) {
  using namespace coopnets;
  if (count < 3) {
    std::fprintf(stderr, "bench_conv cpu|cuda[:I] fp32|tf32|bf16 [NAME]...\n");
    return 2;
  }
  try {
    const Options options =
        parse_options({"--bench", "all", "--device", arguments[1], "--precision", arguments[2]}, {{}, {"all"}, {}, {}});
    const std::unique_ptr<Backend> backend = make_backend(options);
    for (const Layer &layer : layers)
      if (count == 3 || std::find(arguments + 3, arguments + count, std::string(layer.name)) != arguments + count)
        measure(*backend, layer);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "bench_conv: %s\n", error.what());
    return 1;
  }
}
