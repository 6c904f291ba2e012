// Completion by a generator and its discriminator, on nets whose answer is known.
#include "rivals/dcgan_completion.h"

#include <gtest/gtest.h>

#include "cpu/cpu.h"
#include "experiments/nets.h"
#include "nets/network.h"

namespace coopnets {
namespace {

// g(z) = z: what is visible of a picture is found again, and hidden values are those that the discriminator likes.
TEST(DcganCompletion, FindsWhatIsVisible) {
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  const Shape three{1, 1, 1, 1, 3};
  Network g(
      *backend, "generator", [](Recorder &r, const Variables &z) { return Variables{r.fully_connected(z[0], 3)}; },
      {three}, {1, Purpose::test}, 1);
  g.parameters()[0].value.set_values({1, 0, 0, 0, 1, 0, 0, 0, 1});
  // l = 10 - 10 (x3 - 0.7)^2: the third value is best at 0.7.
  const NetFunction likes = [](Recorder &r, const Variables &x) {
    const Variable off = r.affine(r.slice(x[0], 2, 1), 1, -0.7);
    const Variable logit = r.fully_connected(r.affine(r.multiply(off, off), -10, 0), 1);
    return Variables{r.activate(logit, softplus()), logit};
  };
  Network d(*backend, "discriminator", likes, {three}, {1, Purpose::test}, 1);
  d.parameters()[0].value.set_values({1});
  GanCompletion s;
  s.steps = 1500;
  s.restarts = 2;
  const std::vector<real> pictures = {real(0.2), real(-0.4), 9, real(-0.9), real(0.6), 9}, visible = {1, 1, 0, 1, 1, 0};
  const std::vector<real> filled = gan_completion(*backend, g, d, three, pictures, visible, s, 4);
  for (const size_t i : {0, 1, 3, 4}) EXPECT_NEAR(filled[i], pictures[i], 0.02);
  for (const size_t i : {2, 5}) EXPECT_NEAR(filled[i], 0.7, 0.05);
  EXPECT_THROW(gan_completion(*backend, g, d, three, pictures, {1}, s, 4), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
