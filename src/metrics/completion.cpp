#include "metrics/completion.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "metrics/psnr.h"
#include "tensor/random.h"

namespace coopnets {

void require_mask(const Mask &mask, const Frames &pictures) {
  if (mask.height != pictures.height || mask.width != pictures.width ||
      int64_t(mask.hidden.size()) != mask.height * mask.width)
    throw std::invalid_argument("a mask of " + std::to_string(mask.height) + " x " + std::to_string(mask.width) +
                                " with " + std::to_string(mask.hidden.size()) + " pixels does not fit pictures of " +
                                pictures.size_text());
}

Mask square_mask(int64_t height, int64_t width, int64_t side, uint64_t seed, uint64_t picture) {
  if (side < 1 || side > height || side > width)
    throw std::invalid_argument("a hidden square of side " + std::to_string(side) + " does not fit into a picture of " +
                                std::to_string(height) + " x " + std::to_string(width));
  const Words words = random_block({seed, Purpose::mask}, picture, 0, 0);
  const auto place = [](uint32_t word, int64_t places) { return int64_t((uint64_t(word) * uint64_t(places)) >> 32); };
  const int64_t top = place(words.v[0], height - side + 1), left = place(words.v[1], width - side + 1);
  Mask mask{height, width, std::vector<uint8_t>(height * width)};
  for (int64_t i = top; i < top + side; ++i) std::fill_n(&mask.hidden[i * width + left], side, uint8_t(1));
  return mask;
}

CompletionScore completion_score(const Frames &truth, const Frames &recovered, int64_t t, const Mask &mask) {
  require_same_size(truth, recovered);
  require_mask(mask, truth);
  if (t < 0 || t >= truth.count)
    throw std::invalid_argument("there is no frame " + std::to_string(t) + " among " + truth.size_text());
  const auto clip = [](double p) { return p < 0 ? 0 : p > 1 ? 1 : p; };
  double error = 0, squares = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < truth.height * truth.width; ++i) {
    if (!mask.hidden[i]) continue;
    for (int64_t c = 0; c < truth.channels; ++c, ++count) {
      const int64_t at = i * truth.channels + c;
      const double difference = clip(recovered.frame(t)[at]) - clip(truth.frame(t)[at]);
      error += std::abs(difference);
      squares += difference * difference;
    }
  }
  if (count == 0) throw std::invalid_argument("the mask hides no pixel");
  return {error / double(count), psnr_of_error(squares / double(count))};
}

}  // namespace coopnets
