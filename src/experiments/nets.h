// The nets of the experiments in one registry. [M], [T], [V], [P] are the codes they come from: the authors' MatConvNet
// (github.com/enijkamp/coopnet), TensorFlow (jianwen-xie/CoopNets) and video (jianwen-xie/Spatial-Temporal-CoopNets)
// codes, and the PyTorch code that their page links (FANG-Xiaolin/pytorch-CoopNets).
#pragma once
#include "experiments/settings.h"
#include "nets/recorder.h"

namespace coopnets {

using Variables = std::vector<Variable>;

// What the sources' batch norms have in common: epsilon, whether there is a scale, how parameters begin.
constexpr Conventions matconvnet{1e-4, true, Conventions::normal};   // vl_nnbnorm.m
constexpr Conventions tensorflow{1e-3, false, Conventions::normal};  // tf.contrib.layers.batch_norm
constexpr Conventions pytorch{1e-5, true, Conventions::uniform};     // 0.4

struct Net {
  enum Role { descriptor, generator } role;
  std::string name;        // as --set descriptor=NAME or generator=NAME takes it
  std::string experiment;  // that it was made for; it may suit others
  std::string about;       // a few words for --list
  Variables (*record)(Recorder &, const Variables &inputs, const Settings &);
  // Of a generator: shapes of the inputs of one latent vector, for examples of settings.size and settings.frames.
  std::vector<Shape> (*latent)(const Settings &);

  NetFunction function(const Settings &) const;
};

const std::vector<Net> &nets();
// Throws std::runtime_error naming the ones there are.
const Net &find_net(Net::Role, const std::string &name);

// A vector of settings.latent channels.
std::vector<Shape> latent_vector(const Settings &);

// The lists that make up the registry, one per file of this folder.
std::vector<Net> texture_nets();
std::vector<Net> picture_nets();
std::vector<Net> video_nets();
std::vector<Net> point_nets();

}  // namespace coopnets
