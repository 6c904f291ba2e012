// Samples of any size show neither a border nor a seam: what is cut out does not depend on where the canvas ends.
#include "app/canvas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cpu/cpu.h"
#include "experiments/model.h"
#include "learning/sampler.h"

namespace coopnets {
namespace {

TEST(Canvas, holds_what_is_wanted_with_four_cells_around_it) {
  const Shape latent{1, 1, 4, 4, 8}, example{1, 1, 128, 128, 3};
  for (const auto &[height, width] : {std::pair<int64_t, int64_t>{1, 300}, {64, 32}, {65, 128}}) {
    const Canvas canvas = Canvas::of_size(latent, example, height, width);
    EXPECT_EQ(canvas.wanted, (Shape{1, 1, height, width, 3}));
    EXPECT_EQ(canvas.latent[0].c, 8);
    EXPECT_GE(canvas.top, 128);
    EXPECT_GE(canvas.left, 128);
    EXPECT_GE(32 * canvas.latent[0].h - canvas.top - height, 128);
    EXPECT_GE(32 * canvas.latent[0].w - canvas.left - width, 128);
    EXPECT_LT(32 * canvas.latent[0].h, height + 256 + 32);
    EXPECT_LT(32 * canvas.latent[0].w, width + 256 + 32);
  }
}

TEST(Canvas, cuts_rows_and_columns_out_of_each_frame) {
  const Canvas canvas{{}, {1, 2, 2, 1, 2}, 1, 3};
  const Shape shape{2, 2, 4, 5, 2};
  std::vector<real> values(shape.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = real(i);
  const std::vector<real> out = canvas.cut(values, shape, 2);
  std::vector<real> expected;
  for (const int frame : {0, 1, 2, 3})
    for (const int row : {1, 2})
      for (const int channel : {0, 1}) expected.push_back(real(frame * 40 + row * 10 + 3 * 2 + channel));
  EXPECT_EQ(out, expected);
  EXPECT_EQ((Canvas{{}, shape.with_n(1)}).cut(values, shape, 2), values);
}

TEST(Canvas, leaves_out_a_border) {
  const Canvas canvas = Canvas::within({2, 1, 5, 6, 1}, 2);
  EXPECT_EQ(canvas.wanted, (Shape{1, 1, 1, 2, 1}));
  std::vector<real> values(60);
  for (size_t i = 0; i < values.size(); ++i) values[i] = real(i);
  EXPECT_EQ(canvas.cut(values, {2, 1, 5, 6, 1}), (std::vector<real>{14, 15, 44, 45}));
}

TEST(Canvas, of_a_clip_leaves_out_frames) {
  std::vector<real> values;
  for (int i = 0; i < 2 * 5 * 2; ++i) values.push_back(real(i));  // two clips of five frames of two pixels
  const Shape clips{2, 5, 1, 2, 1};
  const Canvas within = Canvas::within(clips, 2);
  EXPECT_EQ(within.wanted, (Shape{1, 1, 1, 2, 1}));
  EXPECT_EQ(within.cut(values, clips), (std::vector<real>{4, 5, 14, 15}));
  const Canvas middle = Canvas::middle(clips, 3);
  EXPECT_EQ(middle.cut(values, clips), (std::vector<real>{2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17}));
  EXPECT_EQ(Canvas::middle(clips, 5).cut(values, clips), values);
}

// Nets that pad nothing make at least what is wanted and its border, and at most what the coarsest level of noise adds.
TEST(Canvas, of_nets_that_pad_nothing_has_any_size) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  const Experiment &experiment = find_experiment("texture");
  Settings s = experiment.settings("quick");
  s.size = 64;
  const Model model = make_model(*backend, experiment, s, 1);
  for (const auto &[height, width] : {std::pair<int64_t, int64_t>{64, 64}, {1, 100}, {77, 200}, {300, 65}}) {
    const Canvas canvas = Canvas::unpadded(experiment, s, height, width);
    const Shape made = model.generator->output(canvas.latent);
    EXPECT_EQ(canvas.wanted, (Shape{1, 1, height, width, 3}));
    EXPECT_EQ(canvas.top, s.border);
    EXPECT_GE(made.h, height + 2 * s.border);
    EXPECT_GE(made.w, width + 2 * s.border);
    EXPECT_LT(made.h, std::max<int64_t>(height, 64) + 2 * s.border + 16);
    EXPECT_LT(made.w, std::max<int64_t>(width, 64) + 2 * s.border + 16);
    EXPECT_TRUE(model.descriptor->takes({made}));
  }
}

// A small texture, learned for a moment so that descriptor and generator see structure.
class CanvasBorder : public testing::Test {
 protected:
  CanvasBorder() {
    for (const auto &[name, value] : {std::pair<const char *, const char *>{"descriptor", "texture-small"},
                                      {"generator", "texture-small"},
                                      {"size", "32"},
                                      {"batch", "1"},
                                      {"chains", "1"},
                                      {"langevin_step_size", "0.02"},
                                      {"reference_deviation", "0.066"},
                                      {"descriptor_init", "0.1"}})
      settings.set(name, value);
    settings.latent = 2;
    settings.generator_init = 0.02;
    settings.langevin_steps = 5;
    settings.descriptor_rate = 0.0003;
    settings.generator_rate = 0.002;
    model = make_model(*backend, experiment, settings, 1);
    learning = learning_settings(settings, Algorithm::cooperative, 1, 1);
    std::vector<real> observed;
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c) observed.push_back(real(x / 6 % 2 == y / 5 % 2 ? -0.8 + 0.01 * y : 0.9 - 0.4 * c));
    Cooperative learner(*backend, model.descriptor.get(), model.generator.get(), learning, 1);
    for (int i = 0; i < 30; ++i) learner.iterate(i, 1, {observed, {0}, {}});
    learning.noise_until = 0;  // noise belongs to a position on its canvas, and the two canvases differ
  }

  struct Sample {
    std::vector<real> generated, revised;
  };
  // The wanted part of a canvas with `more` latent cells on each side. A cell has the same latent vector on every canvas.
  Sample draw(Canvas canvas, int64_t more) {
    canvas.latent[0].h += 2 * more;
    canvas.latent[0].w += 2 * more;
    canvas.top += cell * more;
    canvas.left += cell * more;
    Sampler sampler(*backend, model.descriptor.get(), *model.generator, canvas.latent, 1, Statistics::running);
    std::vector<real> latents;
    for (int64_t h = 0; h < canvas.latent[0].h; ++h)
      for (int64_t w = 0; w < canvas.latent[0].w; ++w) {
        const int64_t number = 1000 * (500 + h - canvas.top / cell) + 500 + w - canvas.left / cell;
        const std::vector<real> z = sampler.draw_latent(7, number);
        latents.insert(latents.end(), z.begin(), z.begin() + canvas.latent[0].c);
      }
    const std::vector<real> made = sampler.generate(latents);
    const std::vector<real> better = sampler.revise(learning, 0);
    return {canvas.cut(made, sampler.example(), 1), canvas.cut(better, sampler.example(), 1)};
  }
  static double largest(const std::vector<real> &a, const std::vector<real> &b) {
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double(a[i]) - b[i]));
    return most;
  }

  static constexpr int64_t cell = 32;  // pixels of a latent cell's side
  const Experiment &experiment = find_experiment("texture");
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  Settings settings;
  Model model;
  LearningSettings learning;
};

TEST_F(CanvasBorder, does_not_show) {
  // Whole cells, so that the margin is the smallest that any size has.
  const Canvas canvas = Canvas::of_size(latent_shapes(settings).at(0), example_shape(experiment, settings), 32, 64);
  // Three cells are 96 pixels: the descriptor's stride of 3 falls onto the same pixels. At four the convolutions' tiles of
  // 4x4 lie on the same pixels, at three elsewhere, which is a rounding.
  const Sample near = draw(canvas, 0), far = draw(canvas, 3);
  EXPECT_TRUE(near.generated == draw(canvas, 4).generated);
  EXPECT_LE(largest(near.generated, far.generated), 1e-5);
  EXPECT_GE(largest(far.revised, far.generated), 0.01);  // what the descriptor does at all
  EXPECT_LE(largest(near.revised, far.revised), 0.001);  // an eighth of a grey level; 0.16 with two cells
}

}  // namespace
}  // namespace coopnets
