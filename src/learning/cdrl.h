// Cooperative diffusion recovery likelihood (Zhu, Xie, Wu, Gao: ICLR 2024): an energy-based model and an initialiser
// teach each other at T levels of noise. To algorithm 1 of CoopNets it adds three things:
//   - the descriptor f(y, level) need not explain x out of nothing, but y given x with a little more noise on it. That
//     is a landscape of few modes, which some Langevin steps cross. The chain's reference is N(x_t, s^2) in place of
//     N(0, s^2);
//   - the generator begins not at z ~ N(0, I) but at the noisy x_t: it learns to take some of the noise away;
//   - a sample is made level by level, from pure noise: the two nets take turns T times.
#pragma once
#include <memory>

#include "learning/colours.h"
#include "learning/diffusion_sampler.h"
#include "learning/kept_readings.h"
#include "learning/optimizer.h"
#include "learning/sampler.h"

namespace coopnets {

struct CdrlSettings {
  int64_t levels = 6;           // T
  int64_t batch = 48;           // observed examples of an iteration, T or a multiple: as many for each level
  int64_t langevin_steps = 15;  // L, for each level
  int64_t classes = 0;          // the nets are told the example's; 0: they are not
  double data_weight = 0;       // w of step G2: of the data in the initialiser's loss, beside 1 - w of the chains
  double label_dropout = 0.1;   // share of examples of which the nets are not told the class, as guidance needs
  double guidance = 0;          // w of samples: (1 + w) f(y, class) - w f(y), and the initialiser alike
  // Samples begin at x_T = a_T m + N(0, I), m the mean of what was observed. Published is N(0, I), but the last level
  // is not all noise: where all pictures are dark, so is what they are there. Examples are of one size.
  bool begins_at_mean = false;
  bool decorrelate = false;  // the nets see uncorrelated colours, those of the first batch (Colours)
  double bound = 0;          // of the data's values, to which samples are cut in the end; 0: they have none
  OptimizerSettings energy, initialiser;
  uint64_t seed = 1;
};

class Cdrl final : public ChainLearner {
 public:
  // Both nets take a picture and, beside it, its level of noise and its class, [N,1,1,1,c] as Diffusion::tell() has
  // them. The energy gives [N,1,1,1,1], the initialiser a picture. Throws std::invalid_argument where the nets do not
  // fit each other or the batch is no multiple of the levels.
  Cdrl(std::unique_ptr<Network> energy, std::unique_ptr<Network> initialiser, const CdrlSettings &);
  ~Cdrl() override;

  int64_t batch() const override { return settings_.batch; }
  std::vector<Column> columns() const override;
  void iterate(int64_t iteration, double rate, const Batch &) override;
  std::vector<Reading> take_readings() override;
  NamedViews state() override;
  // New ones of the averaged parameters: what the initialiser made at the last level, and what the energy made of that.
  std::vector<std::pair<std::string, ConstView>> samples() const override;
  Shape set_example(const Shape &wanted) override;
  // By the averaged parameters, where there are such. A sample does not depend on the batch that the nets learned with.
  const Shape &example() const override { return example_; }
  int64_t at_a_time() const override { return sampler().at_a_time(); }
  void draw_range(const LearningSettings &, int64_t first, int64_t end, const Visit &visit) override;

  // The last noises are those of the levels; classes are in `labels`. Pictures are completed without a class.
  bool descends() const override { return true; }
  std::vector<real> first_noise(uint64_t seed, int64_t k) override;
  std::vector<real> descend_from(uint64_t seed, const std::vector<real> &noises,
                                 const std::vector<int64_t> &labels) override;
  std::vector<real> complete(uint64_t seed, const std::vector<real> &examples,
                             const std::vector<real> &visible) override;

  LogDensities log_densities(const std::vector<real> &examples) override;

  size_t planned_bytes() const override;
  size_t unplanned_bytes() const override;

 private:
  class ByAverages;
  struct Learning;  // what an iteration needs, from the first on
  struct Nets {
    std::unique_ptr<Network> energy, initialiser;
  };
  void upload(const real *examples, View to) const;  // examples enter here alone, to be as the nets see them,
  void finish(View samples) const;                   // and samples leave here alone, to be as the data are
  std::vector<real> finished(int64_t count) const;   // of the sampler's samples
  int64_t whole(const std::vector<real> &all) const;
  void for_blocks(int64_t first, int64_t end, const std::function<void(int64_t first, int64_t some)> &run) const;
  std::function<void(double share)> watched(int64_t first, int64_t some) const;
  std::vector<double> row(const std::vector<double> &slots) const;
  void tell_levels(int64_t iteration, const std::vector<int64_t> &labels);
  void diffuse();
  void step_g0();
  void step_d1();
  void step_d2();
  void step_g2();
  DiffusionSampler &sampler() const;
  void follow_mean(int64_t iteration, const std::vector<real> &examples);
  void set_beginning() const;
  void exchange_averages() const;  // with the parameters, where there are such; and back

  Backend &backend_;
  CdrlSettings settings_;
  Diffusion diffusion_;
  std::unique_ptr<Colours> colours_;  // null: as they are
  Tensor mean_;                       // of the observed examples, as the data are; none where samples begin at noise
  std::vector<real> mean_on_host_;    // from the first iteration on, so that no device is waited for
  Nets nets_;
  mutable Optimizer energy_optimizer_, initialiser_optimizer_;
  std::unique_ptr<Learning> learning_;
  Shape example_;  // of samples
  mutable std::unique_ptr<DiffusionSampler> sampler_;
};

}  // namespace coopnets
