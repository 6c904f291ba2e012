// What an iteration of CDRL works with: tensors, the nets on their tapes, readings.
#pragma once
#include "learning/cdrl.h"

namespace coopnets {

struct Cdrl::Learning {
  enum Slot { observed, initial, revised, gradient_norm, residual, slots };
  Tensor clean, noise, scratch;  // x; e of both levels of each example; working memory
  Tensor examples;               // y of the data, then y of the chains
  Tensor noisy, made;            // x_t; the initialiser's y with its noise
  Tensor about_noisy, about_examples;
  Arena arena, initialiser_arena;  // what G0 computed must last over D1 and D2
  Pass guess, revise, learn;
  KeptReadings readings;
  Recording whole;
  bool told = false, warned = false;

  Learning(Nets &nets, const CdrlSettings &s)
      : clean(nets.energy->backend(), nets.energy->input().with_n(s.batch)),
        noise(clean.backend(), clean.shape()),
        scratch(clean.backend(), clean.shape()),
        examples(clean.backend(), clean.shape().with_n(2 * s.batch)),
        noisy(clean.backend(), clean.shape()),
        made(clean.backend(), clean.shape()),
        about_noisy(clean.backend(), nets.energy->inputs()[1].with_n(s.batch)),
        about_examples(clean.backend(), nets.energy->inputs()[1].with_n(2 * s.batch)),
        arena(clean.backend()),
        initialiser_arena(clean.backend()),
        guess(*nets.initialiser, {noisy, about_noisy}, Statistics::batch, initialiser_arena, arena, {Wrt::parameters}),
        revise(*nets.energy, {chains(), View(about_examples).examples(0, s.batch)}, Statistics::batch, arena, arena,
               {Wrt::inputs}, 1),
        learn(*nets.energy, {examples, about_examples}, Statistics::batch, arena, arena, {Wrt::parameters}),
        readings(clean.backend(), slots) {}

  View observed_examples() { return View(examples).examples(0, clean.shape().n); }
  View chains() { return View(examples).examples(clean.shape().n, clean.shape().n); }

  // to = a x + d e.
  void mix(double a, ConstView x, double d, ConstView e, View to) {
    const View part{to.shape, scratch.data()};
    clean.backend().affine(x, real(a), 0, to);
    clean.backend().affine(e, real(d), 0, part);
    clean.backend().add(part, to);
  }
};

}  // namespace coopnets
