#include "app/evaluate_video.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/canvas.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/model_sampler.h"
#include "app/progress.h"
#include "experiments/examples.h"
#include "learning/inference.h"
#include "metrics/inception_score.h"
#include "metrics/psnr.h"
#include "metrics/ssim.h"
#include "metrics/time_shift.h"
#include "rivals/mkgpdm.h"
#include "rivals/rival.h"

namespace coopnets {

namespace {

constexpr int64_t syntheses = 8;  // random syntheses whose scores are averaged, unless --samples says; all pairs of
                                  // these at most are compared with one another
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
  const auto by = [&](Protocol protocol) { return score(clip, rival.synthesise(protocol, clip.count, seed)); };
  VideoScores row{name, by(Protocol::roll_out), by(Protocol::one_step), by(Protocol::projection)};
  const Frames rolled_out = rival.synthesise(Protocol::roll_out, clip.count, seed);
  row.best_shift = best_shift(clipped(clip), clipped(rolled_out)).psnr;
  row.of_means = ssim_of_means(clip, rolled_out);
  return row;
}

// Of a rival that makes different clips from different random numbers.
VideoScores score_random(const std::string &name, const DynamicTexture &rival, const Frames &clip, uint64_t seed) {
  VideoScores row = score_rival(name, rival, clip, seed);
  std::vector<Frames> made;
  for (int64_t k = 0; k < syntheses; ++k)
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
  for (size_t k = 0; k < std::min(made.size(), size_t(syntheses)); ++k) shown.push_back(clipped(made[k]));
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
          std::to_string(syntheses) +
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

namespace {

// Nets that are shown parts of clips make clips of any length. They are judged by as many frames as as_judged() says, or
// as the shortest clip has.
Shape shape_of_judged(const Experiment &experiment, const Settings &s, const Examples &examples) {
  Shape shape = example_shape(experiment, s);
  if (s.crop != "random") return shape;
  int64_t frames = as_judged(experiment, s).frames;
  for (int64_t k = 0; k < examples.size(); ++k) examples.whole(k, shape), frames = std::min(frames, shape.t);
  shape.t = frames;
  return shape;
}

// The middle of a clip that is longer.
Frames judged_clip(const Shape &judged, const Examples &examples, int64_t k) {
  Shape whole = judged;
  const std::vector<real> clip = examples.whole(k, whole);
  return to_frames(Canvas::middle(whole, judged.t).cut(clip, whole), judged);
}

// The net by itself, and what the descriptor's Langevin revision makes of its frames.
// The sampler makes clips of `shape`; `clip` is what they learned from, of that shape where they have a generator.
std::vector<VideoScores> score_nets(Backend &backend, const SavedModel &saved, SampleSource &sampler,
                                    const Shape &shape, const Frames &observed, const std::vector<real> &clip,
                                    const Options &options, Progress &progress) {
  const Canvas shown = Canvas::within(shape, saved.settings.border);
  const auto frames_of = [&](const std::vector<real> &example) {
    return to_frames(shown.cut(example, shape), shown.wanted);
  };
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  const LearningSettings learning = sampling_settings(saved, options.seed);
  const int64_t count = options.is_given("samples") ? options.samples : syntheses;

  std::vector<VideoScores> generated, revised;
  std::vector<Frames> made, made_better;  // to be compared with one another
  const auto synthesis = [&](const Frames &frames, std::vector<Frames> &all) {
    if (int64_t(all.size()) < syntheses) all.push_back(frames);
    VideoScores row{"", score(observed, frames), {}, {}};
    row.best_shift = best_shift(clipped(observed), clipped(frames)).psnr;
    row.of_means = ssim_of_means(observed, frames);
    return row;
  };
  const auto add = [&](const std::vector<real> &clips, std::vector<VideoScores> &scores, std::vector<Frames> &all) {
    for (auto one = clips.begin(); one != clips.end(); one += shape.size())
      scores.push_back(synthesis(frames_of({one, one + shape.size()}), all));
  };
  Task drawing(progress, "clips drawn and compared", count);
  draw_samples(sampler, saved, options.seed, count, drawing,
               [&](int64_t, const std::vector<real> &clips, const std::vector<real> &better) {
                 add(clips, generated, made);
                 add(better, revised, made_better);
               });
  std::vector<VideoScores> rows;
  if (!revised.empty()) {
    rows.push_back(mean_scores(revised));
    rows.back().system = saved.model.generator ? "CoopNets, revised" : "descriptor alone";
    rows.back().between = agreement(made_better);
  }
  if (generated.empty()) return rows;
  rows.insert(rows.begin(), mean_scores(generated));
  rows[0].system = saved.model.generator ? "CoopNets, generator" : "CDRL";
  rows[0].between = agreement(made);
  if (!saved.model.generator) return rows;

  // The clip's own latent sequence, and what the nets make of it: by running statistics, as it is one clip by itself.
  const std::vector<Shape> latent = latent_shapes(saved.settings);
  InferenceSettings inference;
  inference.sigma = saved.settings.sigma;
  inference.seed = seed;
  Task inferring(progress, "per cent of the inference of the clip's latent sequence", 100);
  inference.watch = [&](double share) { inferring.reached(100 * share); };
  const Inferred inferred = infer_latent(backend, *saved.model.generator, latent, clip, inference);
  progress.note("latent sequence inferred: root mean square residual " + format("%.4f", inferred.error) +
                " on [-1, 1]");
  rows[0].reconstruction = score(observed, frames_of(inferred.example));
  if (rows.size() > 1) {
    Sampler one(backend, saved.model.descriptor.get(), *saved.model.generator, latent, 1, Statistics::running);
    one.generate(inferred.latent);
    rows[1].reconstruction = score(observed, frames_of(one.revise(learning, count)));
  }
  return rows;
}

}  // namespace

namespace {

// Of whoever would learn it.
Settings settings_of_preset(const Experiment &experiment, const Options &options, const Backend &backend) {
  const std::string preset = preset_for(options, backend);
  const std::string algorithm = options.algorithm.empty() ? experiment.algorithm(preset) : options.algorithm;
  const Rival *const rival = find_rival(algorithm);
  return rival ? rival_settings(*rival, experiment, preset) : experiment.settings(preset);
}

}  // namespace

int evaluate_video(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  Progress progress(options);
  const std::string path = checkpoint_path(options);
  const bool trained = !options.checkpoint.empty() || std::filesystem::exists(path);
  SavedModel saved;
  if (trained) {
    saved = load_model(*backend, path, options);
  } else {
    saved.experiment = &find_experiment(options.experiment);
    saved.settings = settings_of(options, settings_of_preset(*saved.experiment, options, *backend));
    progress.note("there is no checkpoint " + path + " yet, so only the rivals are compared");
  }
  const std::unique_ptr<Examples> examples =
      open_examples(*saved.experiment, saved.settings, data_path(options, *saved.experiment),
                    static_cast<uint64_t>(options.seed), [&](const std::string &text) { progress.warn(text); });
  if (trained) check_same_data(saved, path, *examples);
  const Shape judged = shape_of_judged(*saved.experiment, saved.settings, *examples);
  Shape shape = bordered(*saved.experiment, judged, saved.settings.border);
  if (saved.chain) shape = saved.chain->set_example(shape);
  const int64_t count = options.is_given("samples") ? options.samples : syntheses;
  const std::unique_ptr<SampleSource> sampler = trained ? model_sampler(*backend, saved, path, count) : nullptr;
  progress.note(std::to_string(examples->size()) + (examples->size() == 1 ? " clip of " : " clips of ") + judged.str() +
                ", as they are judged; PSNR in dB and SSIM (11 x 11 Gaussian, grey), means over frames" +
                (examples->size() > 1 ? " and clips" : ""));

  std::vector<std::vector<VideoScores>> by_clip;
  std::vector<std::string> said;
  for (int64_t k = 0; k < examples->size(); ++k) {
    const Frames observed = judged_clip(judged, *examples, k);
    by_clip.push_back(score_clip(observed));
    for (const VideoScores &row : score_rivals(observed, static_cast<uint64_t>(options.seed),
                                               [&](const std::string &text) { progress.note(text); }))
      by_clip.back().push_back(row);
    if (k == 0)
      said = remarks(by_clip[0], observed, saved.model.generator ? saved.model.generator->parameter_count() : 0);
    if (trained)
      for (const VideoScores &row :
           score_nets(*backend, saved, *sampler, shape, observed, examples->range(k, 1), options, progress))
        by_clip.back().push_back(row);
  }
  std::vector<VideoScores> rows;
  for (size_t system = 0; system < by_clip[0].size(); ++system) {
    std::vector<VideoScores> one;
    for (const std::vector<VideoScores> &clip : by_clip) one.push_back(clip[system]);
    rows.push_back(mean_scores(one));
  }
  const Table table = video_table(rows, said);
  const Report report = {trained ? report_facts(saved, path, options)
                                 : std::vector<Fact>{{"experiment", saved.experiment->name},
                                                     {"settings", print(saved.settings)},
                                                     {"seed", options.seed}},
                         {table}};
  print_report(report, options);
  const std::string file = made_beside(options, "evaluation.json");
  const size_t slash = file.find_last_of('/');
  if (slash != std::string::npos) create_folders(file.substr(0, slash));
  write_atomically(file, report_json(report.facts, report.tables));
  progress.note(file + " holds these numbers");
  return 0;
}

}  // namespace coopnets
