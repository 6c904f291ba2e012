// The rivals that learn a generator, each on a toy whose answer is known, and their published pitfalls.
#include "rivals/rival.h"

#include <cmath>

#include "backends/backend.h"
#include "cpu/cpu.h"
#include "experiments/nets.h"
#include "files.h"
#include "nets/network.h"
#include "normal_number.h"

namespace coopnets {
namespace {

double mean_of(const std::vector<real> &x) {
  double sum = 0;
  for (const real v : x) sum += v;
  return sum / double(x.size());
}
double deviation_of(const std::vector<real> &x) {
  const double mean = mean_of(x);
  double sum = 0;
  for (const real v : x) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / double(x.size()));
}

// A learner of a rival with nets of the test's own.
class Toy {
 public:
  Toy(const Rival &rival, const NetFunction &generator, const NetFunction &partner, const std::vector<Shape> &latent,
      const std::vector<Shape> &seen, const Settings &s)
      : settings(s),
        backend(make_cpu_backend(1)),
        g(*backend, "generator", generator, latent, {1, Purpose::generator_weights}, s.generator_init),
        f(*backend, rival.partner, partner, seen, {1, Purpose::descriptor_weights}, s.descriptor_init),
        learner(rival.learner({*backend, g, f, settings, 1})) {}

  // The last readings' values after so many more iterations on batches that `data` makes.
  Reading learn(int64_t iterations, const std::function<real(int64_t iteration, int64_t element)> &data,
                std::string *warnings = nullptr) {
    Reading last;
    for (const int64_t end = next_ + iterations; next_ < end; ++next_) {
      Batch batch;
      for (int64_t i = 0; i < learner->batch() * f.input().example(); ++i) batch.examples.push_back(data(next_, i));
      learner->iterate(next_, 1, batch);
      for (Reading &reading : learner->take_readings()) {
        if (warnings && !reading.warning.empty()) *warnings += reading.warning + "\n";
        last = std::move(reading);
      }
    }
    return last;
  }
  std::vector<real> samples() {
    const ConstView x = learner->samples().at(0).second;
    return values(*backend, x);
  }
  Parameter &parameter(Network &net, const std::string &name) {
    for (Parameter &p : net.parameters())
      if (p.name == name) return p;
    throw std::out_of_range(name);
  }

  Settings settings;
  std::unique_ptr<Backend> backend;
  Network g, f;
  std::unique_ptr<Learner> learner;

 private:
  int64_t next_ = 0;
};

const Shape number{1, 1, 1, 1, 1}, two{1, 1, 1, 1, 2};

Variable hidden(Recorder &r, Variable x, int64_t units) { return r.fully_connected(x, units, leaky_relu(0.2)); }

NetFunction small_generator() {
  return [](Recorder &r, const Variables &z) { return Variables{r.fully_connected(hidden(r, z[0], 16), 1)}; };
}

Settings toy_settings(const Rival &rival, int64_t batch) {
  Settings s;
  s.set_all(rival.presets.at(0).settings);
  s.batch = batch;
  s.descriptor_init = s.generator_init = 0.3;
  s.latent = 2;
  return s;
}

// Numbers around 0.3 with deviation 0.1.
real blob(int64_t iteration, int64_t i) { return real(0.3 + 0.1 * normal_number(i, uint32_t(iteration))); }

TEST(Rivals, DcganFindsTheMeanAndTheSpreadOfABlob) {
  const Rival rival = dcgan();
  Settings s = toy_settings(rival, 128);
  s.descriptor_rate = 2e-3;
  s.generator_rate = 1e-3;
  const NetFunction discriminator = [](Recorder &r, const Variables &x) {
    const Variable logit = r.fully_connected(hidden(r, hidden(r, x[0], 32), 32), 1);
    return Variables{r.activate(logit, softplus()), logit};
  };
  Toy toy(rival, small_generator(), discriminator, {two}, {number}, s);
  toy.learn(2500, blob);
  double mean = 0, deviation = 0;
  for (int k = 0; k < 50; ++k) {  // learning swings about the answer
    toy.learn(10, blob);
    mean += mean_of(toy.samples()) / 50;
    deviation += deviation_of(toy.samples()) / 50;
  }
  EXPECT_NEAR(mean, 0.3, 0.04);
  EXPECT_NEAR(deviation, 0.1, 0.05);
}

TEST(Rivals, WganFindsTheMeanOfABlobAndClipsItsCritic) {
  const Rival rival = wgan();
  Settings s = toy_settings(rival, 64);
  s.clip = 0.1;
  s.descriptor_rate = s.generator_rate = 1e-3;
  const NetFunction critic = [](Recorder &r, const Variables &x) {
    return Variables{r.fully_connected(hidden(r, hidden(r, x[0], 16), 16), 1)};
  };
  Toy toy(rival, small_generator(), critic, {two}, {number}, s);
  toy.learn(6000, blob);
  double mean = 0;
  for (int k = 0; k < 20; ++k) {
    toy.learn(50, blob);
    mean += mean_of(toy.samples()) / 20;
  }
  EXPECT_NEAR(mean, 0.3, 0.1);
  for (const Parameter &p : toy.f.parameters())
    for (const real v : p.value.values()) EXPECT_LE(std::fabs(v), 0.1 + 0.011);  // clipped, then one RMSprop step
}

// The published rule, step by step: 100 critic steps where fewer than 25 generator steps are done and where their number
// is a multiple of 500, else n.
TEST(Rivals, WganTakesTheTurnsOfItsSource) {
  for (const int64_t steps : {1, 3, 5}) {
    int64_t generator_steps = 0, left = 100;
    for (int64_t iteration = 0; iteration < 20000; ++iteration) {
      const bool ends = --left == 0;
      ASSERT_EQ(critic_turn_ends(iteration, steps), ends) << iteration << ", " << steps;
      if (!ends) continue;
      ++generator_steps;
      left = generator_steps < 25 || generator_steps % 500 == 0 ? 100 : steps;
    }
  }
}

// Numbers (a, b) with deviation 1 along (0.8, 0.6) and 0.1 across: a linear VAE of one latent number finds that line.
TEST(Rivals, ALinearVaeFindsThePrincipalSubspace) {
  const Rival rival = vae();
  Settings s = toy_settings(rival, 64);
  s.latent = 1;
  s.sigma = 0.3;
  s.divergence_weight = 1;
  s.descriptor_rate = s.generator_rate = 5e-3;
  const NetFunction decoder = [](Recorder &r, const Variables &z) { return Variables{r.fully_connected(z[0], 2)}; };
  const NetFunction encoder = [](Recorder &r, const Variables &x) {
    const Variable mean = r.fully_connected(x[0], 1), log_deviation = r.fully_connected(x[0], 1);
    const Variable deviation = r.apply(log_deviation, Function::exponential);
    const Variable noise = r.multiply(deviation, x[1]);
    const Variable z = r.add(mean, noise);
    return Variables{z, r.multiply(mean, mean), r.multiply(deviation, deviation), r.affine(log_deviation, -1, -0.5)};
  };
  Toy toy(rival, decoder, encoder, {number}, {two, number}, s);
  const auto line = [](int64_t iteration, int64_t i) {
    const real along = normal_number(i / 2 * 2, uint32_t(iteration)),
               across = real(0.1) * normal_number(i / 2 * 2 + 1, uint32_t(iteration));
    return i % 2 == 0 ? real(0.8) * along - real(0.6) * across : real(0.6) * along + real(0.8) * across;
  };
  const Reading last = toy.learn(3000, line);
  const std::vector<real> w = toy.parameter(toy.g, "generator.0.filters").value.values();
  const double length = std::hypot(w[0], w[1]);
  EXPECT_GT(std::fabs(0.8 * w[0] + 0.6 * w[1]) / length, 0.995);
  // The optimum of a linear VAE: |w|^2 = the variance along the line less s^2.
  EXPECT_NEAR(length, std::sqrt(1 - 0.3 * 0.3), 0.08);
  EXPECT_GT(last.values[1], 0.5);  // no posterior collapse
}

// With energies of zero what is left is the entropy, whose gradient is -1/scale: Adam's steps are the rate.
TEST(Rivals, DdgmsEntropyLetsScalesGrow) {
  const Rival rival = ddgm();
  Settings s = toy_settings(rival, 8);
  s.generator_rate = 0.01;
  const NetFunction generator = [](Recorder &r, const Variables &z) {
    return Variables{r.batch_norm(r.fully_connected(z[0], 3))};
  };
  const NetFunction flat = [](Recorder &r, const Variables &x) {
    const Variable nothing = r.fully_connected(r.affine(x[0], 0, 0), 1);
    return Variables{r.affine(nothing, 0, 0), r.affine(nothing, 0, 0), r.affine(nothing, 0, 0)};
  };
  Toy toy(rival, generator, flat, {two}, {{1, 1, 1, 1, 3}}, s);
  const Reading first = toy.learn(1, [](int64_t, int64_t i) { return normal_number(i); });
  EXPECT_NEAR(first.values[2], 0, 1e-6);  // sum of ln 1
  for (const real scale : toy.parameter(toy.g, "generator.0.scale").value.values()) EXPECT_NEAR(scale, 1.01, 1e-5);
  const Reading second = toy.learn(1, [](int64_t, int64_t i) { return normal_number(i); });
  EXPECT_NEAR(second.values[2], 3 * std::log(1.01), 1e-5);
}

// The margin is of each picture, not of their mean: energies 0.1 and 0.4 with m = 0.2 give hinges 0.1 and 0.
TEST(Rivals, EbgansHingeIsOfEachPicture) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  Settings s;
  s.margin = 0.2;
  s.width = 4;
  const Shape picture{1, 1, 16, 16, 1};
  Network net(*backend, "autoencoder", ebgan().partner_net(s, 1), {picture}, {1, Purpose::descriptor_weights}, 0.02);
  for (Parameter &p : net.parameters())
    if (p.kind == Parameter::filters) p.value.set_values(std::vector<real>(p.value.size(), 0));  // it makes tanh(0) = 0
  Tensor x(*backend, picture.with_n(2));
  std::vector<real> v(x.size(), std::sqrt(real(0.1)));
  std::fill(v.begin() + 256, v.end(), std::sqrt(real(0.4)));
  x.set_values(v);
  Arena arena(*backend);
  Tape tape(*backend, arena);
  const auto use = net.record(tape, {tape.leaf(x)}, Statistics::batch);
  for (const Variable y : use->outputs) tape.keep(y);
  tape.plan();
  tape.forward();
  const std::vector<real> energy = values(*backend, tape.value(use->outputs[0])),
                          hinge = values(*backend, tape.value(use->outputs[1]));
  EXPECT_NEAR(energy[0], 0.1, 1e-6);
  EXPECT_NEAR(energy[1], 0.4, 1e-6);
  EXPECT_NEAR(hinge[0], 0.1, 1e-6);
  EXPECT_EQ(hinge[1], 0);
}

// Codes are made of the latent vector: a category that is 1 for one in ten, and numbers within [-1, 1], spread evenly.
TEST(Rivals, InfogansCodesHaveTheirPriors) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  Settings s;
  s.latent = 20;
  const NetFunction whole = [](Recorder &r, const Variables &z) { return Variables{r.affine(z[0], 1, 0)}; };
  const int64_t count = 4000;
  Tensor z(*backend, {count, 1, 1, 1, 20});
  backend->fill_normal(z, 0, 1, {3, Purpose::test}, 0);
  Network net(*backend, "generator", infogan().generator(whole, s, {}), {{1, 1, 1, 1, 20}}, {1, Purpose::test}, 1);
  Arena arena(*backend);
  Tape tape(*backend, arena);
  const auto use = net.record(tape, {tape.leaf(z)}, Statistics::batch);
  tape.keep(use->outputs[0]);
  tape.plan();
  tape.forward();
  const std::vector<real> codes = values(*backend, tape.value(use->outputs[0])), noise = z.values();
  std::vector<double> of_category(10, 0), of_tenth(10, 0);
  for (int64_t n = 0; n < count; ++n) {
    double sum = 0;
    for (int c = 0; c < 10; ++c) {
      of_category[c] += codes[n * 20 + c];
      sum += codes[n * 20 + c];
    }
    EXPECT_EQ(sum, 1);
    ++of_tenth[size_t(std::min(9., (double(codes[n * 20 + 10]) + 1) * 5))];
    for (int c = 12; c < 20; ++c) EXPECT_EQ(codes[n * 20 + c], noise[n * 20 + c]);
  }
  const double expected = count / 10., four_deviations = 4 * std::sqrt(count * 0.09);
  for (int c = 0; c < 10; ++c) {
    EXPECT_NEAR(of_category[c], expected, four_deviations);
    EXPECT_NEAR(of_tenth[c], expected, four_deviations);
  }
  s.latent = 12;
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] {
                    sketch(infogan().generator(whole, s, {}), "g", {{1, 1, 1, 1, 12}});
                  }),
                  "more latent channels than the 12 of its codes");
}

// Both nets step at once: the discriminator's step sees the samples of the generator as it was.
TEST(Rivals, GanStepsBothNetsAtOnceByMomentum) {
  const Rival rival = gan();
  Settings s = toy_settings(rival, 2);
  s.iterations = 100;
  s.optimizer = "momentum";
  s.descriptor_rate = s.generator_rate = 0.1;
  // D's logit is w x, g is v: observed 1, made v, so that
  //   dL_D/dw = 1/2 ((D(1) - 1) 1 + D(v) v),  dL_G/dv = (D(v) - 1) w.
  const NetFunction generator = [](Recorder &r, const Variables &z) {
    return Variables{r.fully_connected(r.affine(z[0], 0, 0), 1)};
  };
  const NetFunction discriminator = [](Recorder &r, const Variables &x) {
    const Variable logit = r.fully_connected(x[0], 1, LayerOptions().without_bias());
    return Variables{r.activate(logit, softplus()), logit};
  };
  Toy toy(rival, generator, discriminator, {two}, {number}, s);
  Parameter &w = toy.parameter(toy.f, "discriminator.0.filters"), &v = toy.parameter(toy.g, "generator.0.bias");
  double weight = 0.5, bias = 0.2, weight_velocity = 0, bias_velocity = 0;
  w.value.set_values({real(weight)});
  v.value.set_values({real(bias)});
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (int iteration = 0; iteration < 3; ++iteration) {
    const double rate = 0.1 * std::pow(1.000004, -iteration), kept = 0.5 + 0.2 * iteration / 100;
    const double at_made = sigmoid(weight * bias), at_observed = sigmoid(weight);
    weight_velocity = kept * weight_velocity - 0.5 * ((at_observed - 1) + at_made * bias);
    bias_velocity = kept * bias_velocity - (at_made - 1) * weight;
    weight += rate * weight_velocity;
    bias += rate * bias_velocity;
    toy.learn(1, [](int64_t, int64_t) { return real(1); });
    EXPECT_NEAR(w.value.values()[0], weight, 1e-6) << iteration;
    EXPECT_NEAR(v.value.values()[0], bias, 1e-6) << iteration;
  }
}

int count_of(const std::string &text, const std::string &part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// What is said of a generator that makes one number and learns nothing, whatever the rival, and of a discriminator that is
// certain, where there is one: each once.
TEST(Rivals, ACollapsedGeneratorAndACertainDiscriminatorAreTold) {
  const NetFunction constant = [](Recorder &r, const Variables &z) {
    return Variables{r.fully_connected(r.affine(z[0], 0, 0), 1)};
  };
  // As many outputs as each rival's second net has; those beside the logit's are of what it knows of the codes.
  const NetFunction partner = [](Recorder &r, const Variables &x) {
    const Variable logit = r.fully_connected(hidden(r, x[0], 8), 1);
    return Variables{r.activate(logit, softplus()), logit};
  };
  const NetFunction with_codes = [](Recorder &r, const Variables &x) {
    const Variable logit = r.fully_connected(hidden(r, x[0], 8), 1);
    return Variables{r.activate(logit, softplus()), logit, r.affine(logit, 0, 0), r.affine(logit, 0, 0)};
  };
  const NetFunction critic = [](Recorder &r, const Variables &x) { return Variables{r.fully_connected(x[0], 1)}; };
  const NetFunction three_parts = [](Recorder &r, const Variables &x) {
    const Variable h = r.fully_connected(x[0], 1);
    return Variables{h, r.affine(h, 0, 0), r.affine(h, 0, 0)};
  };
  const NetFunction encoder = [](Recorder &r, const Variables &x) {
    const Variable mean = r.fully_connected(x[0], 2), zero = r.affine(mean, 0, 0);
    return Variables{r.add(mean, x[1]), r.multiply(mean, mean), r.affine(mean, 0, 1), zero};
  };
  struct Case {
    Rival rival;
    NetFunction partner;
    bool discriminates;
    std::vector<Shape> seen = {number};
  };
  for (const Case &one :
       {Case{dcgan(), partner, true}, Case{gan(), partner, true}, Case{infogan(), with_codes, true},
        Case{wgan(), critic, false}, Case{ddgm(), three_parts, false}, Case{vae(), encoder, false, {number, two}}}) {
    SCOPED_TRACE(one.rival.name);
    Settings s = toy_settings(one.rival, 8);
    s.generator_rate = 0;
    s.descriptor_rate = one.discriminates ? 0.05 : 1e-5;
    Toy toy(one.rival, constant, one.partner, {two}, one.seen, s);
    std::string warnings;
    const int64_t iterations = one.discriminates ? 1500 : 200;
    toy.learn(
        iterations, [](int64_t, int64_t i) { return real(2 + 0.1 * normal_number(i)); }, &warnings);
    EXPECT_EQ(count_of(warnings, "iteration 100: all samples have been alike for 100 iterations"), 1) << warnings;
    EXPECT_EQ(count_of(warnings, "alike"), 1) << warnings;
    EXPECT_EQ(count_of(warnings, "the discriminator has been certain for 200 iterations"), one.discriminates ? 1 : 0)
        << warnings;
  }
}

// The energy of all that is made stays above the margin, so that the hinge is off.
TEST(Rivals, EbgansHingeThatIsOffIsToldOnce) {
  const Rival rival = ebgan();
  Settings s = toy_settings(rival, 8);
  s.generator_rate = s.descriptor_rate = 0;
  s.margin = 0.5;
  const NetFunction energy = [](Recorder &r, const Variables &x) {
    const Variable square = r.affine(r.multiply(x[0], x[0]), 1, 1), unused = r.fully_connected(x[0], 1);
    const Variable hinge = r.activate(r.affine(square, -1, 0.5), relu());
    const Variable cosines = r.cosines(r.add(x[0], r.affine(unused, 0, 0)));
    return Variables{square, hinge, r.multiply(cosines, cosines)};
  };
  Toy toy(rival, small_generator(), energy, {two}, {number}, s);
  std::string warnings;
  toy.learn(1100, blob, &warnings);
  EXPECT_EQ(count_of(warnings, "iteration 500: every sample's energy has been above the margin for 500 iterations"), 1)
      << warnings;
  EXPECT_EQ(count_of(warnings, "above the margin"), 1) << warnings;
}

}  // namespace
}  // namespace coopnets
