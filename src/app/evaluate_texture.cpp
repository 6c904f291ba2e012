#include <cmath>

#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/model_sampler.h"
#include "app/pictures.h"
#include "app/progress.h"
#include "app/texture_structure.h"
#include "metrics/inception_score.h"
#include "metrics/patch_distance.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr int64_t syntheses = 5;  // unless --samples says otherwise

// What is measured of each synthesis of one net.
struct Measured {
  std::vector<double> structure, spectrum, patches;
};

double standard_error(const std::vector<double> &values) {
  return values.size() > 1 ? mean_and_deviation(values).deviation / std::sqrt(double(values.size())) : NAN;
}

double mean_of(const std::vector<double> &values) { return values.empty() ? NAN : mean_and_deviation(values).mean; }

void add_row(Table &table, const std::string &name, const Measured &m) {
  if (m.patches.empty() && m.structure.empty()) return;
  table.rows.push_back({name,
                        {mean_of(m.structure), standard_error(m.structure), mean_of(m.spectrum), mean_of(m.patches),
                         standard_error(m.patches)}});
}

// What syntheses are compared with.
struct Observed {
  Image picture;
  std::optional<StructureScore> structure;  // where it is large enough
};

// Appends what is measured of pictures of shape `example`, of which `shown` is looked at.
void compare(const Observed &observed, const std::vector<real> &pictures, const Shape &example, const Canvas &shown,
             Measured &measured) {
  const int64_t count = int64_t(pictures.size()) / example.size();
  const std::vector<real> inner = shown.cut(pictures, example, count);
  for (int64_t k = 0; k < count; ++k) {
    const Image synthesis = picture(inner, shown.wanted, k);
    measured.patches.push_back(patch_distance(observed.picture, synthesis));
    if (!observed.structure) continue;
    const StructureDifference difference = observed.structure->compare(synthesis);
    measured.structure.push_back(observed.structure->score(difference.distance));
    measured.spectrum.push_back(difference.decibels);
  }
}

// How alike parts of the observed picture are to one another.
void add_observed(Table &table, const Observed &observed) {
  if (observed.structure) {
    Measured others;
    for (const StructureDifference &other : observed.structure->others()) {
      others.structure.push_back(observed.structure->score(other.distance));
      others.spectrum.push_back(other.decibels);
    }
    add_row(table, "other parts of the observed", others);
  }
  const Image &whole = observed.picture;
  const int64_t half = whole.width / 2;
  if (half < 28) return;
  const double distance =
      patch_distance(crop(whole, 0, 0, whole.height, half), crop(whole, 0, half, whole.height, half));
  add_row(table, "halves of the observed", {{}, {}, {distance}});
}

std::vector<std::string> notes(const std::optional<StructureScore> &structure, int64_t count) {
  return {
      "structure: 1 as like as another part of the photograph, 0 noise of its spectrum (joint statistics of "
      "oriented bands, after Portilla and Simoncelli 2000)" +
          std::string(structure ? ", in windows of " + std::to_string(structure->side()) + " pixels"
                                : "; it needs pictures of 64 pixels or more, of a photograph of 96 or more"),
      "spectrum: root mean square difference of the bands' amplitudes; a grid or a blur shows here",
      "patch distance: sliced Wasserstein distance of 7x7 patches at three scales; 0: the same patch "
      "statistics, 1: a flat picture of the mean colour",
      "mean and standard error over " + std::to_string(count) +
          " samples; halves: the left half of the "
          "observed picture against its right half"};
}

}  // namespace

int evaluate_texture(const Options &options) {
  const std::unique_ptr<Backend> backend = make_backend(options);
  const std::string path = checkpoint_path(options);
  SavedModel saved = load_model(*backend, path, options);
  Progress progress(options);
  const auto examples = open_examples(*saved.experiment, saved.settings, data_path(options, *saved.experiment),
                                      saved.seed, [&](const std::string &text) { progress.warn(text); });
  check_same_data(saved, path, *examples);
  Shape example = example_shape(*saved.experiment, saved.settings);
  Canvas shown = Canvas::within(example, saved.settings.border);
  const Settings judged = saved.chain ? as_judged(*saved.experiment, saved.settings) : saved.settings;
  const Observed observed = {picture(shown.cut(examples->range(0, 1), example), shown.wanted, 0),
                             texture_structure(*saved.experiment, judged, *examples)};
  if (saved.chain) {
    example = saved.chain->set_example(example_shape(*saved.experiment, judged));
    shown = Canvas::within(example, saved.settings.border);
  }

  const int64_t count = options.is_given("samples") ? options.samples : syntheses;
  Measured generated, revised;
  const std::unique_ptr<SampleSource> sampler = model_sampler(*backend, saved, path, count);
  Task task(progress, "samples drawn and compared", count);
  draw_samples(*sampler, saved, options.seed, count, task,
               [&](int64_t, const std::vector<real> &made, const std::vector<real> &better) {
                 compare(observed, made, example, shown, generated);
                 compare(observed, better, example, shown, revised);
               });
  Table table{"Likeness to the observed texture",
              {"structure", "+-", "spectrum, dB", "patch distance", "+-"},
              {},
              notes(observed.structure, count)};
  add_row(table, saved.maker, generated);
  add_row(table, "descriptor", revised);
  add_observed(table, observed);
  const std::string file = made_beside(options, "evaluation.json");
  std::vector<Fact> facts = report_facts(saved, path, options);
  facts.push_back({"samples", count});
  print_report({facts, {table}}, options);
  write_atomically(file, report_json(facts, {table}));
  progress.note(file + " holds these numbers");
  return 0;
}

}  // namespace coopnets
