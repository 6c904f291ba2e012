#include "experiments/nets.h"

#include <stdexcept>

namespace coopnets {

NetFunction Net::function(const Settings &s) const {
  return [record = record, s](Recorder &r, const Variables &inputs) { return record(r, inputs, s); };
}

const std::vector<Net> &nets() {
  static const std::vector<Net> all = [] {
    std::vector<Net> list;
    for (const auto &part : {texture_nets(), picture_nets(), video_nets(), point_nets()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

const Net &find_net(Net::Role role, const std::string &name) {
  std::vector<std::string> names;
  for (const Net &net : nets()) {
    if (net.role != role) continue;
    if (net.name == name) return net;
    names.push_back(net.name);
  }
  throw std::runtime_error(std::string("there is no ") + (role == Net::descriptor ? "descriptor" : "generator") +
                           " net " + quoted(name) + "; there is " + either(names));
}

std::vector<Shape> latent_vector(const Settings &s) { return {{1, 1, 1, 1, s.latent}}; }

}  // namespace coopnets
