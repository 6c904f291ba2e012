#include "rivals/dcgan_completion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "learning/pass.h"

namespace coopnets {

namespace {

// |x - y| where m is 1: relu(d) + relu(-d) of d = m (x - y).
std::vector<Variable> contextual_loss(Recorder &r, const std::vector<Variable> &in) {
  const Variable difference = r.add(in[0], r.affine(in[1], -1, 0));
  const Variable seen = r.multiply(difference, in[2]);
  const Variable above = r.activate(seen, relu()), below = r.activate(r.affine(seen, -1, 0), relu());
  return {r.add(above, below)};
}

class Search {
 public:
  Search(Backend &backend, Network &generator, Network &discriminator, const Shape &latent, const Shape &example,
         int64_t batch)
      : backend_(backend),
        loss_(backend, "loss", contextual_loss, {example, example, example}, {1, Purpose::test}, 1),
        z_(backend, latent.with_n(batch)),
        first_(backend, z_.shape()),
        second_(backend, z_.shape()),
        x_(backend, example.with_n(batch)),
        y_(backend, x_.shape()),
        visible_(backend, x_.shape()),
        values_(backend),
        arena_(backend),
        loss_arena_(backend),
        critic_arena_(backend),
        g_(generator, {z_}, Statistics::running, values_, arena_, {Wrt::inputs}),
        d_(discriminator, {x_}, Statistics::running, critic_arena_, critic_arena_, {Wrt::inputs}),
        l_(loss_, {x_, y_, visible_}, Statistics::running, loss_arena_, loss_arena_, {Wrt::inputs}) {}

  void show(const std::vector<real> &pictures, const std::vector<real> &visible) {
    y_.set_values(pictures);
    visible_.set_values(visible);
  }

  // The best g(z) of one restart, and what is visible of it: sums of |g(z) - y| for each picture.
  void run(const GanCompletion &s, uint64_t restart) {
    backend_.set_clock({int64_t(restart), 1});
    backend_.fill_normal(z_, 0, 1, {s.seed, Purpose::evaluation}, 0);
    backend_.fill(first_, 0);
    backend_.fill(second_, 0);
    for (int64_t k = 0; k < s.steps; ++k) {
      look();
      l_.fill_seed(Wrt::inputs, 1);
      l_.backward(Wrt::inputs);
      d_.forward();
      backend_.fill(d_.seed(Wrt::inputs, 0), real(s.weight));  // -ln D = softplus(l) - l
      backend_.fill(d_.seed(Wrt::inputs, 1), real(-s.weight));
      d_.backward(Wrt::inputs);
      backend_.add(d_.gradient(Wrt::inputs), l_.gradient(Wrt::inputs), d_.gradient(Wrt::inputs));
      backend_.copy(d_.gradient(Wrt::inputs), g_.seed(Wrt::inputs));
      g_.backward(Wrt::inputs);
      backend_.set_clock({k, 1});
      backend_.adam({{z_, g_.gradient(Wrt::inputs), first_, second_, real(s.rate)}}, {real(0.9)});
    }
    look();
  }
  std::vector<real> made() const { return x_.values(); }
  std::vector<real> losses() const { return values(backend_, l_.output()); }

 private:
  void look() {
    g_.forward();
    backend_.copy(g_.output(), x_);
    l_.forward();
  }
  Backend &backend_;
  Network loss_;
  Tensor z_, first_, second_, x_, y_, visible_;
  Arena values_, arena_, loss_arena_, critic_arena_;
  Pass g_, d_, l_;
};

}  // namespace

std::vector<real> gan_completion(Backend &backend, Network &generator, Network &discriminator, const Shape &latent,
                                 const std::vector<real> &pictures, const std::vector<real> &visible,
                                 const GanCompletion &s, int64_t batch) {
  const Shape example = generator.output(latent).with_n(1);
  const int64_t size = example.size(), count = int64_t(pictures.size()) / size;
  if (count * size != int64_t(pictures.size()) || visible.size() != pictures.size())
    throw std::invalid_argument("completion: the pictures and what is visible of them differ in size");
  batch = std::min(batch, std::max<int64_t>(count, 1));
  Search search(backend, generator, discriminator, latent, example, batch);
  std::vector<real> best(pictures.size());
  std::vector<double> least(size_t(count), std::numeric_limits<double>::infinity());
  for (int64_t first = 0; first < count; first += batch) {
    const int64_t some = std::min(batch, count - first);
    const auto part = [&](const std::vector<real> &all) {
      std::vector<real> values(all.begin() + first * size, all.begin() + (first + some) * size);
      values.resize(size_t(batch * size), 0);
      return values;
    };
    search.show(part(pictures), part(visible));
    for (int64_t restart = 0; restart < s.restarts; ++restart) {
      search.run(s, uint64_t(restart * count + first));
      const std::vector<real> made = search.made(), losses = search.losses();
      for (int64_t k = 0; k < some; ++k) {
        double loss = 0;
        for (int64_t i = 0; i < size; ++i) loss += losses[size_t(k * size + i)];
        if (!(loss < least[size_t(first + k)])) continue;
        least[size_t(first + k)] = loss;
        std::copy_n(made.begin() + k * size, size, best.begin() + (first + k) * size);
      }
    }
  }
  return best;
}

}  // namespace coopnets
