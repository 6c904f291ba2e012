#include "app/leader.h"

#include <algorithm>
#include <exception>

#include "app/device.h"
#include "app/picture_texts.h"

namespace coopnets {

namespace {

struct Command {
  enum What : int64_t { share_state, iterate, take_readings, make_samples, end } what = end;
  int64_t iteration = 0;
  double rate = 0;
};

Command sent(Ranks &ranks, Command command) {
  ranks.broadcast(&command, sizeof command);
  return command;
}

void share_state(Backend &backend, Learner &learner) {
  constexpr int64_t piece = int64_t{1} << 22;  // elements
  std::vector<real> host;
  for (const auto &[name, view] : learner.state())
    for (int64_t first = 0; first < view.shape.size(); first += piece) {
      const size_t bytes = size_t(std::min(piece, view.shape.size() - first)) * sizeof(real);
      host.resize(bytes / sizeof(real));
      backend.download(view.data + first, host.data(), bytes);
      backend.ranks().broadcast(host.data(), bytes);
      backend.upload(host.data(), view.data + first, bytes);
    }
}

// The passes of all ranks count.
void iterate_once(Backend &backend, Learner &learner, int64_t iteration, double rate, const Batch &batch) {
  const int64_t before = backend.passes();
  learner.iterate(iteration, rate, batch);
  const int64_t own = backend.passes() - before;
  int64_t all = own;
  backend.ranks().sum(&all, 1);
  backend.count_passes(all - own);
}

uint64_t hash(const std::string &text) {  // FNV-1a
  uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ uint8_t(c)) * 0x100000001b3u;
  return h;
}

}  // namespace

void require_alike(Ranks &ranks, const Alike &own) {
  const std::vector<uint64_t> all =
      ranks.gather(std::vector<uint64_t>{hash(own.version), hash(own.processor), hash(own.settings), hash(own.data)});
  constexpr size_t things = 4;
  const char *const whats[things] = {
      "is another version of the program",
      "has another kind of processor, which rounds otherwise, so that weights would part",
      "has other options or settings", "has other data, or another checkpoint"};
  for (size_t i = things; i < all.size() && ranks.rank() == 0; ++i)
    if (all[i] != all[i % things])
      throw std::runtime_error("rank " + std::to_string(i / things) + " " + whats[i % things] +
                               ": all ranks need the same as rank 0");
}

Alike alike_here(const Backend &backend, const std::string &settings, const std::string &data) {
  const std::string device = backend.info().name;
  return {std::string(program_version) + ' ' + built_in(), device.substr(device.rfind(',') + 1), settings, data};
}

// While an error ends the program, no rank may be there to listen.
Leader::~Leader() {
  if (std::uncaught_exceptions() == 0) sent(backend_.ranks(), {Command::end});
}

void Leader::iterate(int64_t iteration, double rate, const Batch &batch) {
  if (!state_is_shared_ && backend_.ranks().count() > 1) {
    sent(backend_.ranks(), {Command::share_state});
    share_state(backend_, own_);
    state_is_shared_ = true;
  }
  sent(backend_.ranks(), {Command::iterate, iteration, rate});
  iterate_once(backend_, own_, iteration, rate, batch);
}

std::vector<Reading> Leader::take_readings() {
  sent(backend_.ranks(), {Command::take_readings});
  return own_.take_readings();
}

std::vector<std::pair<std::string, ConstView>> Leader::samples() const {
  sent(backend_.ranks(), {Command::make_samples});
  return own_.samples();
}

Learner::LogDensities Leader::log_densities(const std::vector<real> &examples) {
  const Alone alone(backend_);
  return own_.log_densities(examples);
}

void follow(Backend &backend, Learner &own, const std::function<Batch(int64_t iteration)> &next) {
  for (;;) {
    const Command command = sent(backend.ranks(), {});
    switch (command.what) {
      case Command::share_state:
        share_state(backend, own);
        break;
      case Command::iterate:
        iterate_once(backend, own, command.iteration, command.rate, next(command.iteration));
        break;
      case Command::take_readings:
        own.take_readings();
        break;
      case Command::make_samples:
        own.samples();
        break;
      case Command::end:
        return;
    }
  }
}

}  // namespace coopnets
