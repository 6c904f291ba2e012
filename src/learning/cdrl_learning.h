// What an iteration of CDRL works with: tensors, the nets on their tapes, readings.
#pragma once
#include <algorithm>

#include "learning/cdrl.h"
#include "learning/monitor.h"

namespace coopnets {

struct Cdrl::Learning {
  static constexpr int64_t least_tested = 4;  // chains of all levels
  // The residual is that of each transition; after them come the slots of each one's Metropolis test, and the norm of the
  // energy's gradient.
  enum Slot { observed, initial, revised, residual };
  const int64_t levels;
  const int64_t each;            // examples of a level, on all ranks together
  const Share share;             // this rank's of the batch, which is in the order of the levels
  Tensor clean, noise, scratch;  // x; e of both levels of each example; working memory
  Tensor examples;               // y of the data, then y of the chains
  Tensor noisy, made;            // x_t; the initialiser's y with its noise
  Tensor about_noisy, about_examples;
  Arena arena, initialiser_arena;  // what G0 computed must last over D1 and D2
  Pass guess, revise, learn;
  int64_t tested;                     // Metropolis tests are of so many chains of each level
  std::vector<MetropolisTest> tests;  // none where there is but one step
  KeptReadings readings;
  Recording whole;
  bool told = false, warned = false;

  Learning(Nets &nets, const CdrlSettings &s)
      : levels(s.levels),
        each(s.batch / s.levels),
        share(nets.energy->backend().ranks().share(s.batch)),
        clean(nets.energy->backend(), nets.energy->input().with_n(share.count)),
        noise(clean.backend(), clean.shape()),
        scratch(clean.backend(), clean.shape()),
        examples(clean.backend(), clean.shape().with_n(2 * clean.shape().n)),
        noisy(clean.backend(), clean.shape()),
        made(clean.backend(), clean.shape()),
        about_noisy(clean.backend(), nets.energy->inputs()[1].with_n(clean.shape().n)),
        about_examples(clean.backend(), nets.energy->inputs()[1].with_n(2 * clean.shape().n)),
        arena(clean.backend()),
        initialiser_arena(clean.backend()),
        guess(*nets.initialiser, {noisy, about_noisy}, Statistics::batch, initialiser_arena, arena, {Wrt::parameters}),
        revise(*nets.energy, {chains(), View(about_examples).examples(0, clean.shape().n)}, Statistics::batch, arena,
               arena, {Wrt::inputs}, 1),
        learn(*nets.energy, {examples, about_examples}, Statistics::batch, arena, arena, {Wrt::parameters}),
        tested(std::min(s.batch / s.levels, (least_tested + s.levels - 1) / s.levels)),
        readings(clean.backend(), slot_of_gradient_norm() + 1, slot_of_gradient_norm()) {
    for (int64_t t = 1; t <= levels && s.langevin_steps >= 2; ++t)
      tests.emplace_back(clean.backend(), chains(), tested, 1, first(t), Share{number(t), count(t)});
  }

  int slot_of_residual(int64_t t) const { return residual + int(t) - 1; }
  int slot_of_test(int64_t t) const {
    return slot_of_residual(levels + 1) + int(t - 1) * MetropolisTest::slots(tested, 1);
  }
  int slot_of_gradient_norm() const { return slot_of_test(levels + 1); }
  // This rank's examples of transition t: how many, the first of them here and the number of that among all of t.
  int64_t first(int64_t t) const { return std::clamp((t - 1) * each - share.first, int64_t{0}, share.count); }
  int64_t count(int64_t t) const { return first(t + 1) - first(t); }
  int64_t number(int64_t t) const { return std::max(share.first + first(t) - (t - 1) * each, int64_t{0}); }
  View part(View x, int64_t t) const { return x.examples(first(t), count(t)); }
  // Of the last step but one of `all`; f and df/dy are known before step k. A step for each transition.
  void test(int64_t k, int64_t all, const std::vector<LangevinStep> &steps) {
    for (int64_t t = 1; t <= int64_t(tests.size()); ++t) {
      MetropolisTest &one = tests[size_t(t - 1)];
      if (k == all - 2) one.before(revise, steps[size_t(t - 1)], readings, slot_of_test(t));
      if (k == all - 1) one.after(revise, steps[size_t(t - 1)], readings, slot_of_test(t));
    }
  }

  View observed_examples() { return View(examples).examples(0, clean.shape().n); }
  View chains() { return View(examples).examples(clean.shape().n, clean.shape().n); }

  // to = a x + d e.
  void mix(double a, ConstView x, double d, ConstView e, View to) {
    const View part{to.shape, scratch.data()};
    clean.backend().affine(x, real(a), 0, to);
    clean.backend().affine(e, real(d), 0, part);
    clean.backend().add(to, part, to);
  }
};

}  // namespace coopnets
