// Samples of trained nets: x = g(z) of the generator, then revised by the descriptor's Langevin dynamics.
#pragma once
#include "learning/cooperative.h"
#include "learning/learner.h"

namespace coopnets {

// Whatever makes samples, batch by batch.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  // Samples in a batch.
  virtual int64_t at_a_time() const = 0;
  // Samples 0 .. count - 1, batch by batch: what was made and, where there is a descriptor, each revised; either may be
  // empty. `first` is the number of a batch's first. Whole batches are drawn, so that a sample does not depend on
  // `count`.
  using Visit = std::function<void(int64_t first, const std::vector<real> &made, const std::vector<real> &revised)>;
  void draw(const LearningSettings &s, int64_t count, const Visit &visit) { draw_range(s, 0, count, visit); }
  // The same of samples first .. end - 1, where `first` begins a batch.
  virtual void draw_range(const LearningSettings &, int64_t first, int64_t end, const Visit &visit) = 0;
  // Whether a batch does not depend on those before it, so that they may be drawn in any order.
  virtual bool in_any_order() const { return true; }

  // Where it is set, it is told how many samples are done, those that are being revised by their share. A device
  // that replays its recordings (Backend::replay) tells nothing.
  std::function<void(double samples)> watch;
  // Where it is set, it is told once of samples that look unhealthy.
  std::function<void(const std::string &)> warn;
};

// draw() by several ranks, each of them a batch in turn; rank 0 visits. All make the same call, each with the same
// nets. Throws std::logic_error where samples need the ones before them, or batches differ in size.
void draw_by_ranks(Ranks &, SampleSource &, const LearningSettings &, int64_t count, const SampleSource::Visit &);

// A learner whose samples are those of a Markov chain that it begins itself, so that its state is all they need.
class ChainLearner : public Learner, public SampleSource {
 public:
  // Of one sample.
  virtual const Shape &example() const = 0;
  // Samples are from now on of the least shape that holds `wanted`, which is returned. Throws std::invalid_argument
  // where there is none.
  virtual Shape set_example(const Shape &wanted) {
    throw std::invalid_argument("there are no samples of " + wanted.str() + ", but of what was learned");
  }

  // Whether a sample descends from noise N(0, I) of its own size. If so there are these, which like draw() tell `watch`
  // how many samples are done; if not they throw std::logic_error.
  virtual bool descends() const { return false; }
  // What sample k of this seed descends from.
  virtual std::vector<real> first_noise(uint64_t /*seed*/, int64_t /*k*/) { throw no_descent(); }
  // Samples that descend from these, [count, ...]. All else that is drawn is that of sample 0, for all of them, so that
  // neighbours on a walk are alike. labels: the class of each, where the nets are told classes.
  virtual std::vector<real> descend_from(uint64_t /*seed*/, const std::vector<real> & /*noises*/,
                                         const std::vector<int64_t> & /*labels*/) {
    throw no_descent();
  }
  // The examples with their hidden values made anew as fits the visible ones, which stay as they are. visible: 1 or 0
  // for each value. Throws std::invalid_argument where the two differ in size or are no whole examples.
  virtual std::vector<real> complete(uint64_t /*seed*/, const std::vector<real> & /*examples*/,
                                     const std::vector<real> & /*visible*/) {
    throw no_descent();
  }

 private:
  static std::logic_error no_descent() { return std::logic_error("a chain that does not begin at noise"); }
};

class Sampler final : public SampleSource {
 public:
  // For `batch` examples at a time. `latent` holds the shapes of one latent vector, of any size that the generator
  // takes; the descriptor, which may be null, must take what the generator makes of it. Statistics::running makes each
  // example independent of the others beside it; by Statistics::batch it depends on all `batch` of them.
  Sampler(Backend &, Network *descriptor, Network &generator, const std::vector<Shape> &latent, int64_t batch,
          Statistics);

  // Without a generator: what is revised are chains from the reference distribution, N(0, s^2). `example` is the shape
  // of one.
  Sampler(Backend &, Network &descriptor, const Shape &example, int64_t batch, Statistics);

  // Without a generator: draw() begins with these chains, [batch, ...], as they are, and has them go on for the samples
  // after them.
  void keep_chains(std::vector<real> chains);

  const Shape &example() const { return example_; }
  int64_t at_a_time() const override { return batch_; }
  bool in_any_order() const override { return kept_.empty(); }

  // Latent vector number k, N(0, I) keyed by (seed, k): the same whatever the batch.
  std::vector<real> draw_latent(uint64_t seed, int64_t k) const { return coopnets::draw_latent(z_.size(), seed, k); }

  // g(z) for at most `batch` latent vectors.
  std::vector<real> generate(const std::vector<real> &latents);
  // The examples that generate() made last, after settings.langevin_steps Langevin steps. Noise is
  // keyed by (seed, batch_index). `before` is told of each step where it is recorded.
  std::vector<real> revise(const LearningSettings &, int64_t batch_index,
                           const std::function<void(int64_t step)> &before = {});

  // g(z_k) of latent vectors k = 0 .. count - 1, and each revised.
  void draw_range(const LearningSettings &, int64_t first, int64_t end, const Visit &visit) override;

 private:
  void start_chains(const LearningSettings &, int64_t first);
  std::vector<real> latents_from(uint64_t seed, int64_t first) const;

  Backend &backend_;
  Shape example_;
  int64_t batch_, last_count_ = 0;
  Latents z_;
  Tensor x_;
  std::vector<real> kept_;
  Arena arena_, descriptor_arena_;
  std::unique_ptr<Pass> g_, f_;
  Recording generation_, revision_;
  LearningSettings recorded_;  // those of revision_
};

}  // namespace coopnets
