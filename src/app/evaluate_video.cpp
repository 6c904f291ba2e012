#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "app/canvas.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/model_sampler.h"
#include "app/progress.h"
#include "app/video_scores.h"
#include "experiments/examples.h"
#include "experiments/text.h"
#include "learning/inference.h"
#include "metrics/time_shift.h"
#include "rivals/rival.h"

namespace coopnets {

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
// The sampler makes `count` clips of `shape`; `clip` is what they learned from, of that shape where they have a generator.
std::vector<VideoScores> score_nets(Backend &backend, const SavedModel &saved, SampleSource &sampler,
                                    const Shape &shape, const Frames &observed, const std::vector<real> &clip,
                                    int64_t count, int64_t seed, Progress &progress) {
  const Canvas shown = Canvas::within(shape, saved.settings.border);
  const auto frames_of = [&](const std::vector<real> &example) {
    return to_frames(shown.cut(example, shape), shown.wanted);
  };
  const LearningSettings learning = sampling_settings(saved, seed);
  std::vector<VideoScores> generated, revised;
  std::vector<Frames> made, made_better;  // to be compared with one another
  const auto synthesis = [&](const Frames &frames, std::vector<Frames> &all) {
    if (int64_t(all.size()) < video_syntheses) all.push_back(frames);
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
  draw_samples(sampler, saved, seed, count, drawing,
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
  inference.seed = static_cast<uint64_t>(seed);
  Task inferring(progress, "per cent of the inference of the clip's latent sequence", 100);
  inference.watch = [&](double share) { inferring.reached(100 * share); };
  const Inferred inferred = infer_latent(backend, *saved.model.generator, latent, clip, inference);
  progress.note("latent sequence inferred: root mean square residual " +
                print_number(std::round(1e4 * inferred.error) / 1e4) + " on [-1, 1]");
  rows[0].reconstruction = score(observed, frames_of(inferred.example));
  if (rows.size() > 1) {
    Sampler one(backend, saved.model.descriptor.get(), *saved.model.generator, latent, 1, Statistics::running);
    one.generate(inferred.latent);
    rows[1].reconstruction = score(observed, frames_of(one.revise(learning, count)));
  }
  return rows;
}

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
  const int64_t count = options.is_given("samples") ? options.samples : video_syntheses;
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
           score_nets(*backend, saved, *sampler, shape, observed, examples->range(k, 1), count, options.seed, progress))
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
