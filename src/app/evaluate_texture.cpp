#include <cmath>
#include <cstdio>

#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/model_sampler.h"
#include "app/pictures.h"
#include "app/progress.h"
#include "experiments/examples.h"
#include "metrics/inception_score.h"
#include "metrics/patch_distance.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr int64_t syntheses = 5;  // unless --samples says otherwise

Image cut(const Image &image, int64_t left, int64_t width) {
  Image part(image.height, width, image.channels);
  for (int64_t y = 0; y < image.height; ++y) std::copy_n(image.at(y, left), width * image.channels, part.at(y, 0));
  return part;
}

}  // namespace

int evaluate_texture(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  Progress progress(options.quiet);
  const auto examples = open_examples(*saved.experiment, saved.settings, data_path(options, *saved.experiment),
                                      saved.seed, [&](const std::string &text) { progress.warn(text); });
  check_same_data(saved, path, *examples);
  const Shape example = example_shape(*saved.experiment, saved.settings);
  const Image observed = picture(examples->range(0, 1), example, 0);

  const int64_t count = options.is_given("samples") ? options.samples : syntheses;
  std::vector<double> generated, revised;
  const auto compare = [&](const std::vector<real> &pictures, std::vector<double> &distances) {
    for (int64_t k = 0; k < int64_t(pictures.size()) / example.size(); ++k)
      distances.push_back(patch_distance(observed, picture(pictures, example, k)));
  };
  model_sampler(*backend, saved, path, count)
      ->draw(sampling_settings(saved, options.seed), count,
             [&](int64_t first, const std::vector<real> &made, const std::vector<real> &better) {
               compare(made, generated);
               compare(better, revised);
               progress.note("sample " + std::to_string(first + 1) + " of " + std::to_string(count) + " compared");
             });
  Table table{"Patch distance to the observed texture", {"distance", "+-"}, {}, {}};
  const auto add = [&](const std::string &name, const std::vector<double> &values) {
    const MeanAndDeviation score = mean_and_deviation(values);
    table.rows.push_back({name, {score.mean, values.size() > 1 ? score.deviation : NAN}});
  };
  if (!generated.empty()) add("generator", generated);
  if (!revised.empty()) add("descriptor", revised);
  const int64_t half = observed.width / 2;
  if (half >= 28) add("halves of the observed", {patch_distance(cut(observed, 0, half), cut(observed, half, half))});
  table.notes = {
      "sliced Wasserstein distance of 7x7 patches at three scales; 0: the same patch statistics, 1: a flat "
      "picture of the mean colour; mean and deviation over " +
          std::to_string(count) + " samples",
      "halves: a photograph's left half against its right half, which is how stationary it is itself"};
  std::printf("%s\n", table_text(table).c_str());
  const std::string file = sibling(path, "evaluation.json");
  std::vector<Fact> facts = report_facts(saved, path, options);
  facts.push_back({"samples", count});
  write_atomically(file, report_json(facts, {table}));
  progress.note(file + " holds these numbers");
  return 0;
}

}  // namespace coopnets
