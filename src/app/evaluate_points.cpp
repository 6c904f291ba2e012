#include <cmath>
#include <cstdio>
#include <optional>

#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/model_sampler.h"
#include "app/picture_texts.h"
#include "app/point_plot.h"
#include "app/progress.h"
#include "data/densities.h"
#include "experiments/examples.h"
#include "learning/density.h"
#include "metrics/kernel_distance.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

Samples as_samples(const std::vector<real> &points) {
  return Samples(int64_t(points.size()) / 2, 2, {points.begin(), points.end()});
}

// The descriptor's density, and those of each level of a rival that has some.
Learner::LogDensities log_densities(SavedModel &saved, const std::vector<real> &points) {
  if (saved.chain) return saved.chain->log_densities(points);
  if (!saved.model.descriptor) return {};
  return {{"energy", log_density(*saved.model.descriptor, saved.settings.reference_deviation, points)}};
}

// KL(data || model) = E ln p_data - E ln p_model at the points of the data, p_model normalised on the grid.
double divergence(const std::string &density, const std::vector<real> &points, const std::vector<double> &at_points,
                  const std::vector<double> &on_grid) {
  double sum = 0;
  for (size_t i = 0; i < at_points.size(); ++i)
    sum += log_density(density, double(points[2 * i]), double(points[2 * i + 1])) - at_points[i];
  return sum / double(at_points.size()) + log_integral(on_grid);
}

class PointEvaluation {
 public:
  explicit PointEvaluation(const Options &options)
      : options_(options),
        backend_(make_backend(options)),
        path_(checkpoint_path(options)),
        saved_(load_model(*backend_, path_, options)),
        progress_(options),
        count_(options.is_given("samples") ? options.samples : measured_points) {}

  int run() {
    const auto training = open_examples(*saved_.experiment, saved_.settings, data_path(options_, *saved_.experiment),
                                        saved_.seed, [this](const std::string &text) { progress_.warn(text); });
    check_same_data(saved_, path_, *training);
    const auto after_training = [&](int64_t first) {
      return draw_points(density(), training->size() + first, count_, saved_.seed);
    };
    observed_ = after_training(0);
    to_observed_.emplace(as_samples(observed_));
    shown_ = {{"data", plot_points(observed_)}};
    draw_densities();
    sample_nets();
    table_.rows.push_back({"other real points", {distance(after_training(count_)), NAN}});
    write();
    return 0;
  }

 private:
  const std::string &density() const { return saved_.trained.density; }
  double distance(const std::vector<real> &points) const { return to_observed_->ratio(as_samples(points)); }

  void draw_densities() {
    for (const auto &[name, on_grid] : log_densities(saved_, plot_grid())) {
      heights_.emplace_back(name, plot_density(on_grid));
      if (saved_.chain) continue;
      const std::vector<double> at_points = log_densities(saved_, observed_).at(0).second;
      divergence_ = divergence(density(), observed_, at_points, on_grid);
    }
  }

  void sample_nets() {
    std::vector<real> generated, revised;
    const std::unique_ptr<SampleSource> sampler = model_sampler(*backend_, saved_, path_, count_);
    Task task(progress_, "points", count_);
    draw_samples(*sampler, saved_, options_.seed, count_, task,
                 [&](int64_t, const std::vector<real> &made, const std::vector<real> &better) {
                   generated.insert(generated.end(), made.begin(), made.end());
                   revised.insert(revised.end(), better.begin(), better.end());
                 });
    const auto add = [&](const std::string &name, const std::vector<real> &points, double kl) {
      if (points.empty()) return;
      table_.rows.push_back({name, {distance(points), kl}});
      shown_.emplace_back(name, plot_points(points));
    };
    add(saved_.maker, generated, NAN);
    add("descriptor", revised, divergence_);
  }

  void write() {
    table_.title = "Distance to the density '" + density() + "'";
    table_.columns = {"distance", "KL in nats"};
    table_.notes = {"distance: maximum mean discrepancy by Gaussian kernels of width 0.05, 0.1 and 0.2 between " +
                        std::to_string(count_) +
                        " samples and as many points that were not learned; 1: as far as real points are",
                    "KL: divergence from the data's density to the descriptor's own, which its chains reach only where "
                    "they are long"};
    shown_.insert(shown_.end(), heights_.begin(), heights_.end());
    std::vector<Image> pictures;
    std::string names;
    for (const auto &[name, picture] : shown_) {
      pictures.push_back(picture);
      names += (names.empty() ? "" : ", ") + name;
    }
    const std::string picture = made_beside(options_, "comparison.png"),
                      numbers = made_beside(options_, "evaluation.json");
    save_with_texts(picture, encode_png(grid(pictures, int64_t(pictures.size()), 8)),
                    picture_texts(saved_, path_, options_));
    std::vector<Fact> facts = report_facts(saved_, path_, options_);
    facts.push_back({"samples", count_});
    write_atomically(numbers, report_json(facts, {table_}));
    if (options_.evaluate || !options_.quiet) print_report({facts, {table_}}, options_);
    progress_.note(picture + " shows " + names + " side by side; " + numbers + " holds these numbers");
  }

  const Options &options_;
  const std::unique_ptr<Backend> backend_;
  const std::string path_;
  SavedModel saved_;
  Progress progress_;
  const int64_t count_;
  std::vector<real> observed_;
  std::optional<KernelDistance> to_observed_;
  std::vector<std::pair<std::string, Image>> shown_, heights_;  // with their names
  double divergence_ = NAN;
  Table table_;
};

}  // namespace

int evaluate_points(const Options &options) { return PointEvaluation(options).run(); }

}  // namespace coopnets
