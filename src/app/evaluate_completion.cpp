#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "app/complete.h"
#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/feature_scores.h"
#include "app/progress.h"
#include "experiments/examples.h"
#include "rivals/inpaint.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

// One column of Table 4: what is hidden of each picture, and the published results for it.
struct Occlusion {
  std::string name;
  std::vector<Mask> masks;
  double published_error = NAN, published_psnr = NAN, published_inter_3 = NAN;
};

// M30, M40, M50 are squares of 30, 40 and 50 of 64 pixels; smaller pictures have squares in proportion.
std::vector<Occlusion> occlusions(const Options &options, const Settings &s, const Shape &example, int64_t count) {
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  if (!options.mask.empty()) return {{"mask", std::vector<Mask>(count, load_mask(options.mask, example, s))}};
  if (s.hidden_square)
    return {{"M" + std::to_string(s.hidden_square), square_masks(example, s.hidden_square, seed, count)}};
  std::vector<Occlusion> all = {
      {"M30", {}, 0.115, 16.893, 0.265}, {"M40", {}, 0.124, 16.098, 0.314}, {"M50", {}, 0.136, 15.105, 0.353}};
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t side = (int64_t(30 + 10 * i) * example.h + 32) / 64;
    all[i].masks = square_masks(example, side, seed, count);
  }
  return all;
}

Frames unit_range(const std::vector<real> &values, const Shape &example) {
  std::vector<double> pixels(values.begin(), values.end());
  for (double &p : pixels) p = (p + 1) / 2;
  return Frames(int64_t(values.size()) / example.size(), example.h, example.w, example.c, std::move(pixels));
}

// One picture of a set.
Frames frame(const Frames &set, int64_t k) {
  return Frames(1, set.height, set.width, set.channels, {set.frame(k), set.frame(k) + set.frame_size()});
}

CompletionScore mean_score(const Frames &truth, const std::vector<Mask> &masks,
                           const std::function<Frames(int64_t)> &recovered) {
  CompletionScore sum{0, 0};
  for (int64_t k = 0; k < truth.count; ++k) {
    const CompletionScore one = completion_score(frame(truth, k), recovered(k), 0, masks[k]);
    sum.error += one.error / double(truth.count);
    sum.psnr += one.psnr / double(truth.count);
  }
  return sum;
}

}  // namespace

int evaluate_completion(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  const Settings &settings = saved.settings;
  const uint64_t seed = static_cast<uint64_t>(options.seed);
  Progress progress(1, options.quiet);
  if (settings.held_out == 0)
    throw std::runtime_error(path + " has learned all pictures (held_out=0): there is none left to test on");
  const auto warn = [&](const std::string &text) { progress.warn(text); };
  const auto examples = open_examples(*saved.experiment, settings, data_path(options, *saved.experiment), saved.seed,
                                      warn, Part::held_out);
  const Shape example = example_shape(*saved.experiment, saved.settings);
  const int64_t count = std::min(options.samples, examples->size());
  const std::vector<real> pictures = examples->range(0, count);
  const Frames truth = unit_range(pictures, example);

  if (count < options.samples) progress.note(std::to_string(count) + " pictures are held out, and all are completed");
  std::unique_ptr<FeatureNet> net;
  Features originals;
  std::vector<Features> completed;  // by kind of mask
  if (!options.features.empty()) {
    net = load_feature_net(*backend, options.features);
    look(*net, pictures, example, originals);
  }

  Completion completion(*backend, saved, settings, seed);
  std::vector<std::pair<std::string, std::function<Frames(const Frames &, const Mask &, uint64_t)>>> rivals;
  for (int method = 1; method <= 5; ++method)
    rivals.emplace_back("inter-" + std::to_string(method), [method](const Frames &picture, const Mask &mask, uint64_t) {
      return inpaint(picture, mask, method);
    });
  rivals.emplace_back("MRF-L1", [](const Frames &picture, const Mask &mask, uint64_t seed) {
    return mrf_fill(picture, mask, mrf_l1(), seed);
  });
  rivals.emplace_back("MRF-L2", [](const Frames &picture, const Mask &mask, uint64_t seed) {
    return mrf_fill(picture, mask, mrf_l2(), seed);
  });

  Table table{"Completion of " + std::to_string(count) + " held-out pictures (Table 4)", {}, {}, {}};
  const auto columns = occlusions(options, settings, example, count);
  const size_t wide = columns.size();
  for (const char *measure : {"error ", "PSNR "})
    for (const Occlusion &c : columns) table.columns.push_back(measure + c.name);
  const auto row = [&](const std::string &name) -> std::vector<double> & {
    for (Table::Row &r : table.rows)
      if (r.name == name) return r.cells;
    table.rows.push_back({name, std::vector<double>(2 * wide, NAN)});
    return table.rows.back().cells;
  };
  for (size_t i = 0; i < wide; ++i) {
    const Occlusion &c = columns[i];
    const auto note = [&](const std::string &name, const CompletionScore &score) {
      row(name)[i] = score.error;
      row(name)[wide + i] = score.psnr;
      progress.note(c.name + ", " + name + ": error " + std::to_string(score.error) + ", PSNR " +
                    std::to_string(score.psnr) + " dB");
    };
    const std::vector<real> filled = completion.fill(pictures, c.masks);
    save_completion(sibling(path, "completion_" + c.name), pictures, filled, c.masks, example);
    const Frames ours = unit_range(filled, example);
    if (net) {
      completed.emplace_back();
      look(*net, filled, example, completed.back());
    }
    note("CoopNets", mean_score(truth, c.masks, [&](int64_t k) { return frame(ours, k); }));
    for (const auto &[name, rival] : rivals)
      note(name, mean_score(truth, c.masks, [&, &rival = rival](int64_t k) {
             return rival(
                 unit_range({pictures.begin() + k * example.size(), pictures.begin() + (k + 1) * example.size()},
                            example),
                 c.masks[k], seed + uint64_t(k));
           }));
    row("published, CoopNets")[i] = c.published_error;
    row("published, CoopNets")[wide + i] = c.published_psnr;
    row("published, inter-3")[i] = c.published_inter_3;
  }
  table.notes = {
      "error: mean |recovered - original| of hidden pixels, unit range; PSNR: peak 1, hidden pixels, mean of "
      "the pictures' own, in dB",
      "published: 1,000 faces of 64x64 after training on 10,000; other pictures have other numbers"};
  std::vector<Table> tables = {table};
  if (net) {
    std::vector<FeatureSet> made;
    for (size_t i = 0; i < wide; ++i) made.push_back({"CoopNets, " + columns[i].name, completed[i]});
    tables.push_back(feature_scores(*net, {"held-out originals", originals}, made, options.splits));
    tables.back().notes.push_back("whole pictures with their holes filled, against the originals");
  }
  for (const Table &one : tables) std::printf("%s\n", table_text(one).c_str());
  const std::string file = sibling(path, "evaluation.json");
  write_atomically(file, report_json({{"experiment", saved.experiment->name},
                                      {"checkpoint", path},
                                      {"iteration", std::to_string(saved.iteration)},
                                      {"pictures", std::to_string(count)},
                                      {"seed", std::to_string(options.seed)}},
                                     tables));
  progress.note(file + " holds these numbers; " + sibling(path, "completion_*.png") +
                " show original, occluded and recovered pictures");
  return 0;
}

}  // namespace coopnets
