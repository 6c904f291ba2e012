// Nets whose features the scores compare: FID's Inception, or a classifier of our own.
#pragma once
#include <memory>

#include "data/image.h"
#include "metrics/samples.h"
#include "tensor/backend.h"

namespace coopnets {

// Of a set of pictures, in order.
struct Features {
  Samples features, logits;
};

class FeatureNet {
 public:
  virtual ~FeatureNet() = default;
  virtual std::string description() const = 0;              // what the numbers must be read with
  virtual std::vector<std::string> categories() const = 0;  // of the logits; empty where they have no names here
  virtual int64_t dimension() const = 0;                    // features of one picture
  virtual bool published_scores() const = 0;                // whether published numbers are made with this net
  // Appends what the net makes of some pictures, of any size and 1 or 3 channels.
  virtual void add(const std::vector<Image> &pictures, Features &to) = 0;
};

// A checkpoint of --exp classifier, or what tools/convert_inception.py writes. Throws std::runtime_error for any other
// file.
std::unique_ptr<FeatureNet> load_feature_net(Backend &, const std::string &path);

}  // namespace coopnets
