// Table 5 of the page: how near the frames that a model makes come to the observed ones, beside the rival systems.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/report.h"
#include "metrics/frames.h"
#include "tensor/shape.h"

namespace coopnets {

// Random syntheses whose scores are averaged, unless --samples says otherwise; all pairs of these at most are compared
// with one another.
constexpr int64_t video_syntheses = 8;

// Means over the frames of a clip: PSNR in dB (peak 1, the channels of a frame in one MSE), SSIM of the grey frames.
struct FrameScores {
  double psnr, ssim;
  bool exact = false;  // a frame at least had the highest PSNR
};
FrameScores score(const Frames &observed, const Frames &made);  // both clipped to [0, 1] first

// One system's scores under each protocol, where it has one.
//   frame-aligned    frame t of a new synthesis against observed frame t: of a net, g(z) for random z; of a rival, the
//                    deterministic roll-out from its first state
//   best shift       PSNR of the same frames, the synthesis shifted in time to where it fits best (best_shift()): another
//                    phase costs nothing, and a replay is as good as the reconstruction
//   between          mean PSNR over pairs of syntheses of different random numbers (a rival's own noise): against what
//                    the clip agrees with itself at another time, it tells whether they are one clip replayed
//   of means         SSIM of the mean frames: it tells whether what stands still was kept
//   one-step         frame t predicted from the true state at t - 1
//   reconstruction   of a net, g(z) with z inferred from the clip; of a rival, frame t from the true state at t
struct VideoScores {
  std::string system;
  std::optional<FrameScores> frame_aligned, one_step, reconstruction;
  int64_t states = 0;  // of a linear rival
  std::optional<double> best_shift = {}, between = {}, of_means = {};
};

// Means over several results of one system: every score that the first has, the others must have.
VideoScores mean_scores(const std::vector<VideoScores> &);

// Two parts of the clip against each other, in the place of syntheses: shifted by half its length, and by what fits best
// of a quarter and more (best_shift_of_itself()). None of a single frame.
std::vector<VideoScores> score_clip(const Frames &clip);

// The syntheses of one system: what they have in common.
std::optional<double> agreement(const std::vector<Frames> &syntheses);

// A sentence for each system whose syntheses agree with one another far better, by 6 dB (a quarter of the squared
// difference), than the clip agrees with itself at another time: they replay it, whatever the random numbers.
std::vector<std::string> replays(const std::vector<VideoScores> &);

// SSIM of the grey mean frames of both.
double ssim_of_means(const Frames &observed, const Frames &made);

// The floor (the mean frame) and the rivals LDS, FFT-LDS, HOSVD and MKGPDM, each fitted to the clip; `say` is told of
// each.
std::vector<VideoScores> score_rivals(const Frames &clip, uint64_t seed,
                                      const std::function<void(const std::string &)> &say = {});

// What limits the comparison, a sentence each: which of the systems can hold the clip itself. `parameters`: of the
// generator, 0 if there is none.
std::vector<std::string> remarks(const std::vector<VideoScores> &, const Frames &clip, int64_t parameters);

// Columns "PSNR frame-aligned", "SSIM frame-aligned", "PSNR best shift", "PSNR between syntheses", "PSNR one-step", ...
// "SSIM reconstruction"; the remarks are its notes, and where a system was exact or replays the clip, that.
Table video_table(const std::vector<VideoScores> &, const std::vector<std::string> &remarks);

// An example [1,T,H,W,C] in [-1, 1] as frames in [0, 1].
Frames to_frames(const std::vector<real> &example, const Shape &);

}  // namespace coopnets
