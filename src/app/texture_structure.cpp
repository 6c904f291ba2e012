#include "app/texture_structure.h"

#include "app/pictures.h"

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

std::vector<Column> structure_columns(const Learner &learner) {
  std::vector<Column> columns;
  for (const auto &[name, examples] : learner.samples()) columns.push_back({"structure_" + name, ""});
  return columns;
}

std::vector<double> structure_scores(const StructureScore &structure, Backend &backend, const Learner &learner,
                                     const Canvas &shown) {
  std::vector<double> scores;
  for (const auto &[name, examples] : learner.samples()) {
    const ConstView first = examples.examples(0, 1);
    const Image synthesis = picture(shown.cut(values(backend, first), first.shape), shown.wanted, 0);
    scores.push_back(structure.score(structure.distance(synthesis)));
  }
  return scores;
}

}  // namespace coopnets
