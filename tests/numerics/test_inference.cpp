#include "learning/inference.h"

#include <gtest/gtest.h>

#include "numerics/helpers.h"
#include "numerics/small_net.h"

namespace coopnets {
namespace {

const Shape latent{1, 2, 1, 1, 3};

Network small_generator(Backend &backend, Activation activation) {
  const auto net = [=](Recorder &r, Variable z) { return r.deconv(z, 2, {valid(2), valid(3), valid(3)}, activation); };
  return Network(backend, "generator", small_net(net), {latent}, {5, Purpose::generator_weights}, 0.4);
}

std::vector<real> output(Backend &backend, Network &net, const std::vector<real> &z) {
  Tensor in(backend, latent, z);
  Arena arena(backend);
  Pass g(net, {in}, Statistics::running, arena, arena, {});
  g.forward();
  return values(backend, g.output());
}

InferenceSettings precise() {
  InferenceSettings s;
  s.sigma = 0.01;
  s.steps = 500;
  return s;
}

TEST(Inference, RecoversTheLatentVectorOfALinearGenerator) {
  Backend &backend = test_backend();
  Network net = small_generator(backend, linear());
  const std::vector<real> z = {0.5, -1, 1.5, -0.2, 0.8, -1.3};
  const std::vector<real> x = output(backend, net, z);
  const Inferred found = infer_latent(backend, net, {latent}, x, precise());
  // z is known to sigma / (a singular value of g, about 1.5): a few hundredths.
  for (size_t i = 0; i < z.size(); ++i) EXPECT_LE(std::abs(found.latent[i] - z[i]), 0.05) << i;
  EXPECT_LE(found.error, 0.02);
  EXPECT_EQ(found.example, output(backend, net, found.latent));
}

TEST(Inference, ErrorIsThatOfTheExampleItReturns) {
  Backend &backend = test_backend();
  Network net = small_generator(backend, tanh_activation());
  std::vector<real> x = output(backend, net, {1, 0, -1, 0.5, 0, -0.5});
  for (size_t i = 0; i < x.size(); ++i) x[i] += real(i % 2 ? 0.3 : -0.3);  // not within reach
  const Inferred found = infer_latent(backend, net, {latent}, x, precise());
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) squares += std::pow(double(x[i]) - found.example[i], 2);
  EXPECT_NEAR(found.error, std::sqrt(squares / double(x.size())), 1e-5);
  EXPECT_GE(found.error, 0.1);
  EXPECT_LE(found.error, 0.31);  // at most what the true latent vector has
}

// Where the data say nothing (sigma large) the chain samples the prior; where the start is hopeless (huge gradients)
// it still arrives.
TEST(Inference, AdaptsItsStepToAnySigma) {
  Backend &backend = test_backend();
  Network net = small_generator(backend, tanh_activation());
  const std::vector<real> x = output(backend, net, {1, 0, -1, 0.5, 0, -0.5});
  InferenceSettings s = precise();
  s.sigma = 1e-3;
  s.steps = 1500;
  EXPECT_LE(infer_latent(backend, net, {latent}, x, s).error, 0.05);
  s.sigma = 1e3;
  const Inferred prior = infer_latent(backend, net, {latent}, x, s);
  for (real v : prior.latent) EXPECT_LE(std::abs(v), 5);
}

TEST(Inference, TheSameSeedGivesTheSameChain) {
  Backend &backend = test_backend();
  Network net = small_generator(backend, linear());
  const std::vector<real> x = output(backend, net, {1, 0, -1, 0.5, 0, -0.5});
  InferenceSettings s = precise();
  s.steps = 5;
  const std::vector<real> a = infer_latent(backend, net, {latent}, x, s).latent;
  EXPECT_EQ(a, infer_latent(backend, net, {latent}, x, s).latent);
  s.seed = 2;
  EXPECT_NE(a, infer_latent(backend, net, {latent}, x, s).latent);
}

// Several examples at once, a part of each hidden: g(z) completes them, and what is hidden is not looked at.
TEST(Inference, CompletesWhatIsHidden) {
  Backend &backend = test_backend();
  Network net = small_generator(backend, linear());
  const int64_t size = net.output(latent).size();
  std::vector<real> x, visible;
  for (const real first : {0.5, -1.2, 1.4}) {
    const std::vector<real> one = output(backend, net, {first, -1, 1.5, -0.2, 0.8, -1.3});
    x.insert(x.end(), one.begin(), one.end());
    for (int64_t i = 0; i < size; ++i) visible.push_back(i % 4 == 1 ? 0 : 1);
  }
  InferenceSettings watched = precise();
  double told = 0;
  watched.watch = [&](double share) {
    EXPECT_GT(share, told);
    told = share;
  };
  const std::vector<Inferred> found = infer_latents(backend, net, {latent}, x, visible, watched, 5);
  EXPECT_NEAR(told, 1, 1e-9);
  ASSERT_EQ(found.size(), 3u);
  std::vector<real> made;
  for (const Inferred &one : found) {
    made.insert(made.end(), one.example.begin(), one.example.end());
    EXPECT_LE(one.error, 0.02);
  }
  EXPECT_LE(relative_error(made, x), 0.03);

  InferenceSettings brief = precise();  // what is looked at tells from the first step on
  brief.steps = 20;
  const auto briefly = [&] {
    std::vector<real> all;
    for (const Inferred &one : infer_latents(backend, net, {latent}, x, visible, brief, 5))
      all.insert(all.end(), one.example.begin(), one.example.end());
    return all;
  };
  const std::vector<real> before = briefly();
  for (size_t i = 0; i < x.size(); ++i)
    if (visible[i] == 0) x[i] = 7;
  EXPECT_EQ(briefly(), before);

  const std::vector<real> nothing(x.size());
  EXPECT_THROW(infer_latents(backend, net, {latent}, x, nothing, precise(), 5), std::invalid_argument);
  visible.pop_back();
  EXPECT_THROW(infer_latents(backend, net, {latent}, x, visible, precise(), 5), std::invalid_argument);
}

// As --exp completion does it: a tanh generator, sigma = 0.3, a hidden square. What is filled in must be better than the
// mean of all pictures, by far.
TEST(Inference, ASquareOfATanhGeneratorsPictureIsBetterFilledThanByTheMean) {
  Backend &backend = test_backend();
  const Shape z_shape{1, 1, 1, 1, 3};
  Network net(backend, "generator", small_net([](Recorder &r, Variable z) {
                return r.deconv(r.deconv(z, 8, valid(4), leaky_relu(0.2)), 1, same_side(4, 2), tanh_activation());
              }),
              {z_shape}, {5, Purpose::generator_weights}, 0.5);
  constexpr int64_t count = 8, side = 8;
  Tensor z(backend, z_shape.with_n(count), random_values(count * 3, 3));
  Arena arena(backend);
  Pass g(net, {z}, Statistics::running, arena, arena, {});
  g.forward();
  const std::vector<real> x = values(backend, g.output());
  std::vector<real> visible(x.size(), 1), mean(side * side);
  for (int64_t i = 0; i < int64_t(x.size()); ++i) {
    const int64_t row = i / side % side, column = i % side;
    if (row >= 2 && row < 6 && column >= 2 && column < 6) visible[i] = 0;
    mean[i % (side * side)] += x[i] / real(count);
  }
  InferenceSettings s;
  s.sigma = 0.3;
  const std::vector<Inferred> found = infer_latents(backend, net, {z_shape}, x, visible, s, count);
  double by_net = 0, by_mean = 0;
  for (int64_t i = 0; i < int64_t(x.size()); ++i) {
    if (visible[i] == 1) continue;
    by_net += std::abs(double(found[i / (side * side)].example[i % (side * side)]) - x[i]);
    by_mean += std::abs(double(mean[i % (side * side)]) - x[i]);
  }
  EXPECT_GT(by_mean / double(count * 16), 0.1);  // the pictures differ
  EXPECT_LT(by_net, 0.3 * by_mean);
}

TEST(Inference, RefusesAnExampleOfAnotherSize) {
  Backend &backend = test_backend();
  Network net = small_generator(backend, linear());
  EXPECT_THROW(infer_latent(backend, net, {latent}, std::vector<real>(7), precise()), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
