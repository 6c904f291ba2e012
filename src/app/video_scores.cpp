#include "app/video_scores.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "app/evaluate.h"
#include "metrics/inception_score.h"
#include "metrics/psnr.h"
#include "metrics/ssim.h"
#include "metrics/time_shift.h"
#include "rivals/mkgpdm.h"

namespace coopnets {

namespace {

constexpr double far_better = 6;  // dB
constexpr char clip_at_its_best[] = "the clip, shifted to its best";

using Protocols = std::optional<FrameScores> VideoScores::*;
struct NamedProtocol {
  const char *name;
  Protocols scores;
};
constexpr NamedProtocol protocols[] = {{"frame-aligned", &VideoScores::frame_aligned},
                                       {"one-step", &VideoScores::one_step},
                                       {"reconstruction", &VideoScores::reconstruction}};

VideoScores score_rival(const std::string &name, const DynamicTexture &rival, const Frames &clip, uint64_t seed) {
  const auto by = [&](Protocol protocol) { return rival.synthesise(protocol, clip.count, seed); };
  const Frames rolled_out = by(Protocol::roll_out);
  VideoScores row{name, score(clip, rolled_out), score(clip, by(Protocol::one_step)),
                  score(clip, by(Protocol::projection))};
  row.best_shift = best_shift(clipped(clip), clipped(rolled_out)).psnr;
  row.of_means = ssim_of_means(clip, rolled_out);
  return row;
}

// Of a rival that makes different clips from different random numbers.
VideoScores score_random(const std::string &name, const DynamicTexture &rival, const Frames &clip, uint64_t seed) {
  VideoScores row = score_rival(name, rival, clip, seed);
  std::vector<Frames> made;
  for (int64_t k = 0; k < video_syntheses; ++k)
    made.push_back(rival.synthesise(Protocol::stochastic, clip.count, seed + uint64_t(k)));
  row.between = agreement(made);
  return row;
}

VideoScores score_linear(const std::string &name, const LinearTexture &rival, const Frames &clip, uint64_t seed) {
  const int64_t states = rival.dynamics().states.cols;
  VideoScores row = score_random(name + ", " + std::to_string(states) + " states", rival, clip, seed);
  row.states = states;
  return row;
}

std::string format(const char *pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

}  // namespace

FrameScores score(const Frames &observed, const Frames &made) {
  const Frames a = clipped(observed), b = clipped(made);
  const std::vector<double> psnrs = psnr_of_frames(a, b);
  const bool exact = std::count(psnrs.begin(), psnrs.end(), highest_psnr) > 0;
  return {mean_and_deviation(psnrs).mean, ssim(a, b), exact};
}

VideoScores mean_scores(const std::vector<VideoScores> &all) {
  VideoScores mean = all.at(0);
  for (const NamedProtocol &p : protocols) {
    if (!(mean.*p.scores)) continue;
    FrameScores sum{0, 0};
    for (const VideoScores &one : all) {
      sum.psnr += (one.*p.scores).value().psnr / double(all.size());
      sum.ssim += (one.*p.scores).value().ssim / double(all.size());
      sum.exact = sum.exact || (one.*p.scores)->exact;
    }
    mean.*p.scores = sum;
  }
  for (const auto member : {&VideoScores::best_shift, &VideoScores::between, &VideoScores::of_means}) {
    if (!(mean.*member)) continue;
    double sum = 0;
    for (const VideoScores &one : all) sum += (one.*member).value();
    mean.*member = sum / double(all.size());
  }
  return mean;
}

std::vector<VideoScores> score_clip(const Frames &clip) {
  if (clip.count < 2) return {};
  const auto row = [&](const std::string &name, int64_t shift) {
    const Frames shown = clipped(clip);
    const auto part = [&](int64_t first) {
      const double *begin = shown.frame(first);
      return Frames(clip.count - shift, clip.height, clip.width, clip.channels,
                    {begin, begin + (clip.count - shift) * clip.frame_size()});
    };
    VideoScores scores{name, score(part(shift), part(0)), {}, {}};
    scores.between = scores.frame_aligned->psnr;
    scores.of_means = ssim_of_means(part(shift), part(0));
    return scores;
  };
  return {row("the clip, half its length later", clip.count / 2),
          row(clip_at_its_best, best_shift_of_itself(clipped(clip)).shift)};
}

double ssim_of_means(const Frames &observed, const Frames &made) {
  const auto mean = [](const Frames &frames) {
    const Frames shown = clipped(frames);
    Frames one(1, shown.height, shown.width, shown.channels);
    for (size_t i = 0; i < shown.pixels.size(); ++i)
      one.pixels[i % one.pixels.size()] += shown.pixels[i] / double(shown.count);
    return one;
  };
  return ssim(mean(observed), mean(made));
}

std::optional<double> agreement(const std::vector<Frames> &made) {
  std::vector<Frames> shown;
  for (size_t k = 0; k < std::min(made.size(), size_t(video_syntheses)); ++k) shown.push_back(clipped(made[k]));
  if (shown.size() < 2) return {};
  return mean_pairwise_psnr(shown);
}

std::vector<std::string> replays(const std::vector<VideoScores> &rows) {
  std::vector<std::string> said;
  const auto clip =
      std::find_if(rows.begin(), rows.end(), [](const VideoScores &row) { return row.system == clip_at_its_best; });
  if (clip == rows.end()) return said;
  for (const VideoScores &row : rows)
    if (row.between && *row.between > *clip->between + far_better)
      said.push_back(row.system + " REPLAYS one clip: its syntheses agree with one another to " +
                     format("%.1f", *row.between) +
                     " dB whatever their random numbers, the clip with itself at another "
                     "time to " +
                     format("%.1f", *clip->between));
  return said;
}

std::vector<VideoScores> score_rivals(const Frames &clip, uint64_t seed,
                                      const std::function<void(const std::string &)> &say) {
  // T frames less their mean span T - 1 dimensions: with as many states a linear model is the clip itself. Where the
  // published number is that large, half as many states as frames.
  const auto limit = [&](int64_t &states) {
    if (states >= clip.count - 1) states = std::max<int64_t>(1, clip.count / 2);
  };
  LdsOptions lds;
  FftLdsOptions fft_lds;
  HosvdOptions hosvd;
  MkgpdmOptions mkgpdm;
  limit(lds.states);
  limit(fft_lds.lds.states);
  limit(hosvd.states);
  mkgpdm.seed = seed;
  std::vector<VideoScores> rows;
  const auto add = [&](const VideoScores &row) {
    rows.push_back(row);
    if (say) say(row.system + " fitted");
  };
  add(score_rival("mean frame", MeanFrame(clip), clip, seed));
  add(score_linear("LDS", fit_lds(clip, lds), clip, seed));
  add(score_linear("FFT-LDS", fit_fft_lds(clip, fft_lds), clip, seed));
  add(score_linear("HOSVD", fit_hosvd(clip, hosvd), clip, seed));
  add(score_random("MKGPDM", Mkgpdm(clip, mkgpdm), clip, seed));
  return rows;
}

std::vector<std::string> remarks(const std::vector<VideoScores> &rows, const Frames &clip, int64_t parameters) {
  std::vector<std::string> all = {
      "Every system is compared with the very frames it was fitted to, so memory scores well: the mean frame is the "
      "floor, and only a clip that was held out would measure prediction.",
      "Best shift: the synthesis moved in time to where it fits best, half of the frames overlapping at least. Between "
      "syntheses: of different random numbers, mean over pairs of the first " +
          std::to_string(video_syntheses) +
          "; read it against the clip's own rows, two parts of the clip a quarter of its length apart or more: what "
          "agrees far better with itself than the clip does is a replay, whose other scores are those of memory.",
      "SSIM of means: of the mean frames, so that the mean frame itself has 1 and what stands still counts most. CDRL "
      "has no latent sequence that could be inferred, so it has no reconstruction."};
  std::string full;
  for (const VideoScores &row : rows)
    if (row.states > 0 && row.states >= clip.count - 1) full += (full.empty() ? "" : "; ") + row.system;
  if (!full.empty())
    all.push_back(full + ": " + std::to_string(clip.count) + " frames less their mean span " +
                  std::to_string(clip.count - 1) +
                  " dimensions, so these hold the clip itself and their scores say nothing of the texture.");
  all.push_back("MKGPDM keeps every training frame and smooths between them.");
  if (parameters > 0)
    all.push_back("The generator has " + std::to_string(parameters) + " parameters for " +
                  std::to_string(clip.pixels.size()) + " observed values" +
                  (parameters >= int64_t(clip.pixels.size()) ? ", enough to hold the clip itself." : "."));
  return all;
}

Table video_table(const std::vector<VideoScores> &rows, const std::vector<std::string> &remarks) {
  Table table{"Frames made against frames observed (Table 5): PSNR in dB, SSIM", {}, {}, remarks};
  for (const NamedProtocol &p : protocols) {
    for (const char *measure : {"PSNR ", "SSIM "}) table.columns.push_back(measure + std::string(p.name));
    if (p.scores == &VideoScores::frame_aligned)
      table.columns.insert(table.columns.end(), {"PSNR best shift", "PSNR between syntheses", "SSIM of means"});
  }
  std::vector<std::string> exact;
  for (const VideoScores &row : rows) {
    table.rows.push_back({row.system, {}});
    bool one_is_exact = false;
    for (const NamedProtocol &p : protocols) {
      const FrameScores s = (row.*p.scores).value_or(FrameScores{NAN, NAN});
      std::vector<double> &cells = table.rows.back().cells;
      cells.insert(cells.end(), {s.psnr, s.ssim});
      if (p.scores == &VideoScores::frame_aligned)
        cells.insert(cells.end(),
                     {row.best_shift.value_or(NAN), row.between.value_or(NAN), row.of_means.value_or(NAN)});
      one_is_exact = one_is_exact || s.exact;
    }
    if (one_is_exact) exact.push_back(row.system);
  }
  if (!exact.empty()) table.notes.push_back(highest_psnr_note(exact));
  const std::vector<std::string> replaying = replays(rows);
  table.notes.insert(table.notes.end(), replaying.begin(), replaying.end());
  return table;
}

Frames to_frames(const std::vector<real> &example, const Shape &shape) {
  Frames frames(shape.t, shape.h, shape.w, shape.c);
  for (size_t i = 0; i < frames.pixels.size(); ++i) frames.pixels[i] = (double(example.at(i)) + 1) / 2;
  return frames;
}

}  // namespace coopnets
