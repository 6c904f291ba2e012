#include "learning/sampler.h"

#include <cmath>
#include <set>

#include "cpu/cpu.h"
#include "files.h"
#include "numerics/learners.h"
#include "numerics/small_net.h"
#include "numerics/thread_ranks.h"

namespace coopnets {
namespace {

// A pixel of two channels from three latent ones, g(z) = leaky(scale (A z - mean) / deviation + shift), revised under
// f(x) = sum over two units of relu(w x + b): everything can be written down.
class SamplerTest : public testing::Test {
 protected:
  SamplerTest()
      : generator(*backend, "generator", small_net([](Recorder &r, Variable z) {
          return normalised_deconv(r, z, 2, valid(1), leaky_relu(0.25));
        }),
                  latent, {3, Purpose::generator_weights}, 0.8),
        descriptor(*backend, "descriptor",
                   small_net([](Recorder &r, Variable x) { return r.conv(x, 2, valid(1), relu()); }), {{1, 1, 1, 1, 2}},
                   {3, Purpose::descriptor_weights}, 0.7) {
    set(generator, "generator.0.scale", {1.5, -0.5});
    set(generator, "generator.0.shift", {0.25, 0.75});
    set(generator, "generator.0.running_mean", {-0.5, 0.125});
    set(generator, "generator.0.running_variance", {4, 0.5});
    set(descriptor, "descriptor.0.bias", {0.5, -0.25});
  }
  void set(Network &net, const std::string &name, const std::vector<real> &values) {
    for (const auto &[known, view] : net.state())
      if (known == name) return backend->upload(values.data(), view.data, values.size() * sizeof(real));
    FAIL() << name;
  }
  // [channel][latent channel]: filters of a deconvolution are those of the convolution back, Cin = 2, Cout = 3.
  double a(int i, int j) const { return filters(generator)[3 * i + j]; }
  // [unit][channel]: Cin = 2, Cout = 2.
  double w(int unit, int i) const { return filters(descriptor)[2 * i + unit]; }
  static std::vector<real> filters(const Network &net) {
    return const_cast<Network &>(net).parameters()[0].value.values();
  }

  std::vector<double> g(const real *z) const {
    const double scale[] = {1.5, -0.5}, shift[] = {0.25, 0.75}, mean[] = {-0.5, 0.125}, variance[] = {4, 0.5};
    std::vector<double> x;
    for (int i = 0; i < 2; ++i) {
      const double linear = a(i, 0) * z[0] + a(i, 1) * z[1] + a(i, 2) * z[2];
      const double y =
          scale[i] * (linear - mean[i]) / std::sqrt(variance[i] + Conventions().batch_norm_epsilon) + shift[i];
      x.push_back(y > 0 ? y : 0.25 * y);
    }
    return x;
  }
  double unit(int u, const double *x) const { return w(u, 0) * x[0] + w(u, 1) * x[1] + (u == 0 ? 0.5 : -0.25); }
  double f(const double *x) const { return std::max(unit(0, x), 0.) + std::max(unit(1, x), 0.); }
  static float noise(const LearningSettings &s, int64_t batch_index, int64_t step, int64_t element) {
    float n[4];
    normals(random_block({s.seed, Purpose::sample_langevin}, uint64_t(batch_index), uint32_t(step), element / 4), n);
    return n[element % 4];
  }

  const std::vector<Shape> latent{{1, 1, 1, 1, 3}};
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  Network generator, descriptor;
};

TEST_F(SamplerTest, a_latent_vector_depends_on_its_number_alone) {
  Sampler one(*backend, nullptr, generator, latent, 1, Statistics::running);
  Sampler many(*backend, &descriptor, generator, {latent[0].with_n(9)}, 5, Statistics::running);
  double sum = 0, squares = 0;
  for (int64_t k = 0; k < 3000; ++k) {
    const std::vector<real> z = one.draw_latent(7, k);
    ASSERT_EQ(z.size(), 3u);
    ASSERT_EQ(z, many.draw_latent(7, k));
    for (const real v : z) sum += v, squares += double(v) * v;
  }
  EXPECT_NEAR(sum / 9000, 0, 0.04);  // four standard errors
  EXPECT_NEAR(squares / 9000, 1, 0.06);
  EXPECT_NE(one.draw_latent(7, 0), one.draw_latent(7, 1));
  EXPECT_NE(one.draw_latent(7, 0), one.draw_latent(8, 0));
}

TEST_F(SamplerTest, generates_g_of_z_with_running_statistics) {
  Sampler sampler(*backend, nullptr, generator, latent, 4, Statistics::running);
  EXPECT_EQ(sampler.example().str(), "1x1x1x1x2");
  for (const int64_t count : {4, 1, 3}) {
    std::vector<real> z;
    for (int64_t k = 0; k < count; ++k)
      for (const real v : sampler.draw_latent(2, k)) z.push_back(v);
    const std::vector<real> made = sampler.generate(z);
    ASSERT_EQ(made.size(), size_t(2 * count));
    for (int64_t k = 0; k < count; ++k)
      for (int i = 0; i < 2; ++i) EXPECT_NEAR(made[2 * k + i], g(&z[3 * k])[i], 2e-6);
  }
  EXPECT_THROW(sampler.generate({}), std::invalid_argument);
  EXPECT_THROW(sampler.generate(std::vector<real>(15)), std::invalid_argument);
  EXPECT_THROW(sampler.generate(std::vector<real>(4)), std::invalid_argument);
  EXPECT_THROW(sampler.revise({}, 0), std::logic_error);
}

TEST_F(SamplerTest, draws_any_number_in_batches) {
  Sampler one(*backend, &descriptor, generator, latent, 1, Statistics::running);
  Sampler three(*backend, &descriptor, generator, latent, 3, Statistics::running);
  LearningSettings s;
  s.seed = 6;
  s.langevin_steps = 2;
  s.noise_until = 0;
  std::vector<real> made, revised, expected, expected_revised;
  std::vector<double> told;
  three.watch = [&](double samples) { told.push_back(samples); };
  three.draw(s, 7, [&](int64_t first, const std::vector<real> &x, const std::vector<real> &y) {
    EXPECT_EQ(first, int64_t(made.size()) / 2);
    made.insert(made.end(), x.begin(), x.end());
    revised.insert(revised.end(), y.begin(), y.end());
  });
  for (int64_t k = 0; k < 7; ++k) {
    for (const real v : one.generate(one.draw_latent(6, k))) expected.push_back(v);
    for (const real v : one.revise(s, k)) expected_revised.push_back(v);
  }
  EXPECT_EQ(made, expected);
  EXPECT_EQ(revised, expected_revised);
  EXPECT_EQ(told, (std::vector<double>{0, 1.5, 3, 4.5, 6, 6.5}));  // before each of two steps

  Sampler alone(*backend, nullptr, generator, latent, 4, Statistics::running);
  alone.draw(s, 4, [&](int64_t, const std::vector<real> &x, const std::vector<real> &y) {
    EXPECT_EQ(x.size(), 8u);
    EXPECT_TRUE(y.empty());
  });
}

TEST_F(SamplerTest, without_a_generator_chains_start_from_the_reference_distribution) {
  const Shape example = descriptor.input();
  Sampler one(*backend, descriptor, example, 1, Statistics::running);
  Sampler three(*backend, descriptor, example, 3, Statistics::running);
  EXPECT_EQ(three.example(), example.with_n(1));
  LearningSettings s;
  s.seed = 6;
  s.reference_deviation = 0.25;
  s.noise_until = 0;
  const auto chains = [&](Sampler &sampler, int64_t steps) {
    s.langevin_steps = steps;
    std::vector<real> all;
    sampler.draw(s, 7, [&](int64_t, const std::vector<real> &x, const std::vector<real> &y) {
      EXPECT_TRUE(x.empty());
      all.insert(all.end(), y.begin(), y.end());
    });
    return all;
  };
  std::vector<real> start;
  for (uint64_t k = 0; k < 7; ++k) {
    float n[4];
    normals(random_block({6, Purpose::sample}, k, 0, 0), n);
    for (int i = 0; i < 2; ++i) start.push_back(real(0.25) * n[i]);
  }
  EXPECT_EQ(chains(three, 0), start);
  EXPECT_EQ(chains(three, 4), chains(one, 4));
  EXPECT_NE(chains(three, 4), start);
}

// By Statistics::batch a sample is normalised with the samples made beside it, as in training.
TEST_F(SamplerTest, by_batch_statistics_the_samples_of_a_batch_are_normalised_together) {
  constexpr int64_t batch = 3;
  Sampler sampler(*backend, nullptr, generator, latent, batch, Statistics::batch);
  LearningSettings s;
  s.seed = 6;
  std::vector<real> seven, five;
  sampler.draw(s, 7, [&](int64_t, const std::vector<real> &x, const std::vector<real> &) {
    seven.insert(seven.end(), x.begin(), x.end());
  });
  sampler.draw(s, 5, [&](int64_t, const std::vector<real> &x, const std::vector<real> &) {
    five.insert(five.end(), x.begin(), x.end());
  });
  ASSERT_EQ(seven.size(), 14u);
  ASSERT_EQ(five.size(), 10u);
  EXPECT_TRUE(std::equal(five.begin(), five.end(), seven.begin()));  // a sample does not depend on how many there are
  const double scale[] = {1.5, -0.5}, shift[] = {0.25, 0.75};
  for (int64_t k = 0; k < 7; ++k)
    for (int i = 0; i < 2; ++i) {
      double linear[batch], mean = 0, variance = 0;
      for (int64_t j = 0; j < batch; ++j) {
        const std::vector<real> z = sampler.draw_latent(6, k / batch * batch + j);
        linear[j] = a(i, 0) * z[0] + a(i, 1) * z[1] + a(i, 2) * z[2];
        mean += linear[j] / batch;
      }
      for (const double x : linear) variance += (x - mean) * (x - mean) / batch;
      const double y = scale[i] * (linear[k % batch] - mean) / std::sqrt(variance + 1e-5) + shift[i];
      EXPECT_NEAR(seven[size_t(2 * k + i)], y > 0 ? y : 0.25 * y, 1e-5) << k << ' ' << i;
    }
}

TEST_F(SamplerTest, kept_chains_come_first_and_go_on) {
  Sampler sampler(*backend, descriptor, descriptor.input(), 2, Statistics::running);
  const std::vector<real> kept = {0.5, -0.25, 1, 0.75};
  EXPECT_THROW(sampler.keep_chains({1, 2}), std::invalid_argument);
  sampler.keep_chains(kept);
  LearningSettings s;
  s.langevin_steps = 3;
  s.langevin_step_size = 0.1;
  s.reference_deviation = 0.9;
  s.noise_until = 0;
  std::vector<real> all;
  sampler.draw(s, 6, [&](int64_t, const std::vector<real> &, const std::vector<real> &x) {
    all.insert(all.end(), x.begin(), x.end());
  });
  ASSERT_EQ(all.size(), 12u);
  for (int k = 0; k < 2; ++k) {
    double x[2] = {kept[size_t(2 * k)], kept[size_t(2 * k + 1)]};
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 2; ++i) EXPECT_NEAR(all[size_t(4 * round + 2 * k + i)], x[i], 1e-5) << round << ' ' << k;
      for (int step = 0; step < 3; ++step) {
        const bool on0 = unit(0, x) > 0, on1 = unit(1, x) > 0;
        for (int i = 0; i < 2; ++i) x[i] -= 0.005 * (x[i] / 0.81 - on0 * w(0, i) - on1 * w(1, i));
      }
    }
  }
}

TEST_F(SamplerTest, revises_by_langevin_dynamics) {
  Sampler sampler(*backend, &descriptor, generator, latent, 3, Statistics::running);
  LearningSettings s;
  s.langevin_step_size = 0.3;
  s.reference_deviation = 0.9;
  s.seed = 5;
  s.langevin_steps = 6;
  std::vector<real> z;
  for (int64_t k = 0; k < 3; ++k)
    for (const real v : sampler.draw_latent(2, k)) z.push_back(v);
  for (const int64_t noise_until : {-1, 0}) {
    s.noise_until = noise_until;
    sampler.generate(z);
    const std::vector<real> revised = sampler.revise(s, 40);
    ASSERT_EQ(revised.size(), 6u);
    for (int64_t k = 0; k < 3; ++k) {
      std::vector<double> x = g(&z[3 * k]);
      const auto log_density = [&](const double *v) { return f(v) - (v[0] * v[0] + v[1] * v[1]) / (2 * 0.81); };
      double before = log_density(x.data());
      for (int64_t step = 0; step < 6; ++step) {
        const bool on0 = unit(0, x.data()) > 0, on1 = unit(1, x.data()) > 0;
        for (int i = 0; i < 2; ++i) {
          const double df_dx = on0 * w(0, i) + on1 * w(1, i);
          x[i] -= 0.045 * (x[i] / 0.81 - df_dx);
          if (noise_until < 0) x[i] += 0.3 * noise(s, 40, step, 2 * k + i);
        }
        if (noise_until == 0) {
          EXPECT_GT(log_density(x.data()), before);  // without noise it climbs
          before = log_density(x.data());
        }
      }
      for (int i = 0; i < 2; ++i) EXPECT_NEAR(revised[2 * k + i], x[i], 1e-5) << noise_until;
    }
  }
}

// Eleven samples, two at a time: each of three ranks draws two batches, the last of them a half.
struct Drawn {
  std::vector<std::vector<real>> visited;
  std::set<int64_t> own;  // batches that this rank has drawn
};

Drawn drawn(Ranks &ranks, bool keeps_chains) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  SmallNets nets(*backend);
  const Shape example = nets.descriptor.input();
  Sampler sampler =
      keeps_chains ? Sampler(*backend, nets.descriptor, example, 2, Statistics::running)
                   : Sampler(*backend, &nets.descriptor, nets.generator, nets.generator.inputs(), 2, Statistics::batch);
  if (keeps_chains) sampler.keep_chains(std::vector<real>(size_t(2 * example.size()), real(0.5)));
  LearningSettings s = small_settings(Algorithm::cooperative);
  Drawn all;
  sampler.watch = [&](double samples) { all.own.insert(int64_t(samples) / 2); };
  draw_by_ranks(ranks, sampler, s, 11, [&](int64_t first, const std::vector<real> &x, const std::vector<real> &y) {
    EXPECT_EQ(first, int64_t(all.visited.size()));
    all.visited.push_back(x);
    all.visited.push_back(y);
  });
  return all;
}

TEST(DrawByRanks, EachDrawsABatchInTurnAndTheFirstVisits) {
  const Drawn wanted = drawn(one_rank(), false);
  ASSERT_EQ(wanted.visited.size(), 12u);
  EXPECT_EQ(wanted.own, (std::set<int64_t>{0, 1, 2, 3, 4, 5}));
  as_ranks(3, [&](Ranks &ranks) {
    const Drawn got = drawn(ranks, false);
    EXPECT_EQ(got.visited, ranks.rank() == 0 ? wanted.visited : std::vector<std::vector<real>>{});
    EXPECT_EQ(got.own, (std::set<int64_t>{ranks.rank(), ranks.rank() + 3}));
  });
}

TEST(DrawByRanks, RefusesChainsThatGoOn) {
  as_ranks(2, [&](Ranks &ranks) { EXPECT_THROW(drawn(ranks, true), std::logic_error); });
}

}  // namespace
}  // namespace coopnets
