// The experiments of the paper: nets, settings and data of each. One file an experiment; this is what they have in
// common.
#pragma once
#include "experiments/settings.h"
#include "nets/layers.h"

namespace coopnets {

// How the observed examples of an experiment come.
enum class DataKind {
  texture,   // one picture
  pictures,  // a folder of pictures
  digits,    // idx files (MNIST, Fashion-MNIST), or a folder of pictures
  cifar,     // CIFAR binary records, or a folder of pictures
  video      // one clip or a few
};

struct Experiment {
  std::string name;   // "texture", as --exp takes it
  std::string title;  // one line for --list
  DataKind data;
  std::string default_data;  // used when --data is not given
  int64_t channels;          // of the pictures
  // The published settings ("paper"), and ones for two CPU cores ("quick").
  Settings (*settings)(const std::string &preset);
  // Nets by the names in settings.descriptor and settings.generator; throws std::runtime_error naming the ones there
  // are.
  std::vector<Layer> (*descriptor)(const Settings &);
  std::vector<Layer> (*generator)(const Settings &);
  // Shape of one latent "vector" for examples of settings.size and settings.frames.
  Shape (*latent)(const Settings &);
  bool any_size;  // both nets are convolutional throughout: a trained model synthesises at any size
};

Shape example_shape(const Experiment &, const Settings &);

// Names of the settings that have no effect on the experiment's training or on what is done with its nets.
std::vector<std::string> unused_settings(const Experiment &);

const std::vector<Experiment> &experiments();
// Throws std::runtime_error naming the nearest one.
const Experiment &find_experiment(const std::string &name);

// One function a file of this folder.
Experiment texture_experiment();
Experiment object_experiment();
Experiment scene_experiment();
Experiment digits_experiment();
Experiment cifar10_experiment();
Experiment celeba_experiment();
Experiment lsun_experiment();
Experiment completion_experiment();
Experiment dynamic_texture_experiment();

// A chain of 5x5 deconvolutions that double the side, batch norm and leaky ReLU 0.2 after all but the last, tanh after
// that: the upper part of most generators. SAME as in the TensorFlow code; [M] crops 1 2 1 2.
std::vector<Layer> doubling(std::vector<Layer> first, const std::vector<int64_t> &channels, const Side &side);

// The nets of most quick presets: 4x4 convolutions that halve the side, leaky ReLU 0.2, as wide as `channels` says, and
// a fully connected layer of 100; and 4x4 deconvolutions that double it again up to `size`, as doubling().
std::vector<Layer> halving(const std::vector<int64_t> &channels);
std::vector<Layer> doubling_quickly(int64_t size, const std::vector<int64_t> &channels);
// What these nets take to become good within minutes: many iterations of a few chains. Two Langevin steps, about as long
// together as ten of the paper's ratio delta = 0.3 s, and without noise (as the authors' CIFAR-10 code after its first
// epochs), make more than two iterations in the time of one. Weights and s are those of the quick textures, for the same
// reason: the energy's gradient has to grow about a hundredfold before it balances x / s^2, from the paper's weights and s
// about 10^8-fold. The rates keep the generator up with the descriptor and halve after each quarter. On bedrooms ten
// noisy steps reached a FID (by a classifier of our own) of 671 in 400 s; these two 345 in 240 s, one step 499.
void learn_quickly(Settings &, int64_t chains, int64_t iterations);

[[noreturn]] void unknown_net(const std::string &what, const std::string &name, const std::vector<std::string> &known);

}  // namespace coopnets
