#include "app/model_sampler.h"

#include <algorithm>
#include <stdexcept>

#include "app/errands.h"

namespace coopnets {

namespace {

// Of pictures, in one batch; and examples, as the layers of nets of small ones are larger than these.
constexpr int64_t elements_at_a_time = int64_t{1} << 21, most_at_a_time = int64_t{1} << 14;

// The chains that persistent-cd keeps, as they were after the last iteration: [count, ...].
std::vector<real> kept_chains(const std::string &path, const Shape &example, int64_t &count) {
  const SafetensorsFile file(path);
  const StoredTensor &chains = file.at("chains");
  count = chains.shape.empty() ? 0 : chains.shape[0];
  if (count < 1 || chains.size() != count * example.size())
    throw std::runtime_error(path + " keeps no chains of " + std::to_string(example.h) + "x" +
                             std::to_string(example.w) +
                             (example.t > 1 ? " and " + std::to_string(example.t) + " frames" : ""));
  std::vector<real> values(size_t(chains.size()));
  file.read_reals(chains, 0, chains.size(), values.data());
  return values;
}

std::unique_ptr<SampleSource> own_sampler(Backend &backend, SavedModel &saved, const std::string &path,
                                          Network *descriptor, const std::vector<Shape> &latent, const Shape &example,
                                          int64_t count) {
  if (saved.chain) return std::move(saved.chain);
  const Settings &s = saved.settings;
  const Statistics statistics = s.statistics == "batch" ? Statistics::batch : Statistics::running;
  const int64_t roomy = std::clamp<int64_t>(elements_at_a_time / example.size(), 1, std::min(count, most_at_a_time));
  if (Network *const generator = saved.model.generator.get()) {
    const int64_t trained = saved.algorithm == "generator" ? s.batch : s.chains;
    return std::make_unique<Sampler>(backend, descriptor, *generator, latent,
                                     statistics == Statistics::batch ? trained : roomy, statistics);
  }
  if (!descriptor) throw std::runtime_error(path + " is damaged: it holds neither net");
  if (saved.algorithm != "persistent-cd")
    return std::make_unique<Sampler>(backend, *descriptor, example, roomy, statistics);
  int64_t kept = 0;
  std::vector<real> chains = kept_chains(path, example, kept);
  auto sampler = std::make_unique<Sampler>(backend, *descriptor, example, kept, statistics);
  sampler->keep_chains(std::move(chains));
  return sampler;
}

}  // namespace

Alike alike_of(const Backend &backend, const SavedModel &saved) {
  return alike_here(backend, saved.algorithm,
                    saved.data + ' ' + std::to_string(saved.iteration) + ' ' + std::to_string(saved.seed));
}

std::unique_ptr<SampleSource> model_sampler(Backend &backend, SavedModel &saved, const std::string &path,
                                            Network *descriptor, const std::vector<Shape> &latent, const Shape &example,
                                            int64_t count) {
  const SamplerOrder order = {
      path,  saved.settings,          descriptor != nullptr, latent, saved.chain ? saved.chain->example() : example,
      count, alike_of(backend, saved)};
  return shared_by_ranks(own_sampler(backend, saved, path, descriptor, latent, example, count), order);
}

std::unique_ptr<SampleSource> model_sampler(Backend &backend, SavedModel &saved, const std::string &path,
                                            int64_t count) {
  return model_sampler(backend, saved, path, saved.model.descriptor.get(), latent_shapes(saved.settings),
                       example_shape(*saved.experiment, saved.settings), count);
}

void draw_samples(SampleSource &sampler, const SavedModel &saved, int64_t seed, int64_t count, Task &task,
                  const SampleSource::Visit &visit) {
  sampler.watch = [&](double done) { task.reached(done); };
  sampler.draw(sampling_settings(saved, seed), count,
               [&](int64_t first, const std::vector<real> &made, const std::vector<real> &revised) {
                 visit(first, made, revised);
                 task.reached(double(std::min(first + sampler.at_a_time(), count)));
               });
  sampler.watch = nullptr;  // the task may end first
}

}  // namespace coopnets
