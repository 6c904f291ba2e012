#include "learning/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "learning/learner.h"

namespace coopnets {

namespace {

constexpr int64_t piece = int64_t{1} << 22;  // elements

std::vector<int64_t> sides(const Shape &s) { return {s.n, s.t, s.h, s.w, s.c}; }

constexpr ElementType stored_type = sizeof(real) == 8 ? ElementType::F64 : ElementType::F32;

// Calls use(values, first, count) for one piece after the other of a stored tensor.
template <typename Use>
void in_pieces(const SafetensorsFile &file, const std::string &name, const View &view, const Use &use) {
  std::vector<real> host(std::min(piece, view.shape.size()));
  for (int64_t first = 0; first < view.shape.size(); first += piece) {
    const int64_t count = std::min(piece, view.shape.size() - first);
    file.read_reals(file.at(name), first, count, host.data());
    use(host, first, count);
  }
}

}  // namespace

void save_checkpoint(const std::string &path, Backend &backend, const NamedViews &state, const Metadata &metadata) {
  std::vector<TensorToStore> tensors;
  for (const auto &[name, view] : state)
    tensors.push_back(
        {name, stored_type, sides(view.shape), [&backend, &name = name, view = view](const TensorToStore::Sink &sink) {
           std::vector<real> host(std::min(piece, view.shape.size()));
           for (int64_t first = 0; first < view.shape.size(); first += piece) {
             const int64_t count = std::min(piece, view.shape.size() - first);
             backend.download(view.data + first, host.data(), count * sizeof(real));
             if (!std::all_of(host.begin(), host.begin() + count, [](real v) { return std::isfinite(v); }))
               throw no_longer_finite("a value of '" + name + "'");
             sink(host.data(), count * sizeof(real));
           }
         }});
  write_safetensors(path, tensors, metadata, Previous::kept);
}

void load_checkpoint(const SafetensorsFile &file, Backend &backend, const NamedViews &state) {
  for (const auto &[name, view] : state) {
    const StoredTensor *stored = file.find(name);
    if (!stored)
      throw std::runtime_error(file.path() + " has no tensor '" + name +
                               "': it was written by another experiment, preset or algorithm");
    if (stored->shape != sides(view.shape))
      throw std::runtime_error(file.path() + ": the tensor '" + name + "' should be " + view.shape.str() +
                               ", so it was written with other settings");
  }
  for (const auto &[name, view] : state) {
    const std::string variance = ".running_variance";
    const bool positive = name.size() > variance.size() && name.substr(name.size() - variance.size()) == variance;
    in_pieces(file, name, view, [&, &name = name](const std::vector<real> &host, int64_t, int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        if (!std::isfinite(host[i]) || (positive && host[i] < 0))
          throw std::runtime_error(file.path() + " is damaged: '" + name + "' holds " + std::to_string(host[i]));
    });
  }
  for (const auto &[name, view] : state)
    in_pieces(file, name, view, [&, &view = view](const std::vector<real> &host, int64_t first, int64_t count) {
      backend.upload(host.data(), view.data + first, count * sizeof(real));
    });
}

}  // namespace coopnets
