#include "app/texture_structure.h"

#include <algorithm>
#include <cmath>

#include "app/pictures.h"
#include "experiments/text.h"

namespace coopnets {

std::optional<StructureScore> texture_structure(const Experiment &experiment, const Settings &s,
                                                const Examples &examples) {
  if (experiment.data != DataKind::texture) return {};
  Shape shape = example_shape(experiment, s);
  std::vector<real> values = examples.whole(0, shape);
  if (s.crop != "random") {
    const Canvas shown = Canvas::within(shape, s.border);
    values = shown.cut(values, shape);
    shape = shown.wanted;
  }
  const Image photograph = picture(values, shape, 0);
  if (!StructureScore::can_tell(photograph, s.size)) return {};
  return StructureScore(photograph, s.size);
}

void measure_structure(TrainingRun &run, const StructureScore &structure, Backend &backend, const Learner &learner,
                       int64_t border, Progress &progress) {
  std::vector<Column> columns;
  for (const auto &[name, examples] : learner.samples()) columns.push_back({"structure_" + name, ""});
  run.measure(100, columns, [=, &backend, &learner, &progress](int64_t iteration) {
    std::vector<double> scores;
    std::string text;
    for (const auto &[name, examples] : learner.samples()) {
      const ConstView first = examples.examples(0, 1);
      const Canvas shown = Canvas::within(first.shape, border);
      const Image synthesis = picture(shown.cut(values(backend, first), first.shape), shown.wanted, 0);
      scores.push_back(structure.score(structure.compare(synthesis).distance));
      text += (text.empty() ? "" : ", ") + name + ' ' + print_number(std::round(100 * scores.back()) / 100);
    }
    progress.note("structure score after " + std::to_string(iteration) + " iterations: " + text);
    return scores;
  });
}

}  // namespace coopnets
