// The classifier of our own: a small ConvNet that tells the categories of any labelled pictures apart. Its features
// serve the scores where the weights of the published Inception are not at hand.
#pragma once
#include "experiments/settings.h"
#include "nets/recorder.h"

namespace coopnets {

constexpr char classifier_name[] = "classifier";

Settings classifier_settings();
// 3x3 and three strided 4x4 convolutions with batch norm, 256 features, a logit for each class.
NetFunction classifier_net(int64_t classes);

}  // namespace coopnets
