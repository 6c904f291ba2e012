#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <stdexcept>

#include "app/data_path.h"
#include "app/device.h"
#include "app/evaluate.h"
#include "app/feature_scores.h"
#include "app/model_sampler.h"
#include "app/picture_texts.h"
#include "app/pictures.h"
#include "app/progress.h"
#include "data/order.h"
#include "experiments/examples.h"
#include "experiments/text.h"
#include "metrics/inception_score.h"
#include "metrics/nearest.h"
#include "metrics/parzen.h"
#include "metrics/ssim.h"
#include "tensor/file.h"

namespace coopnets {

namespace {

constexpr int64_t shown_neighbours = 50;
constexpr int64_t parzen_validation = 1000;  // of the published protocol

// Pictures that are compared, by what made them.
struct PictureSet {
  std::string name;
  Samples pixels;  // as the nets have them, in [-1, 1] but for what Langevin noise adds: all for Parzen windows
  std::vector<real> shown;  // the first of them, for figures
  Features seen;            // by the net of --features
};

class PictureEvaluation {
 public:
  PictureEvaluation(const Options &options, bool prints)
      : options_(options),
        prints_(prints),
        backend_(make_backend(options)),
        path_(checkpoint_path(options)),
        saved_(load_model(*backend_, path_, options)),
        progress_(options) {}

  Report run() {
    // Whatever cannot be done is said before the samples are drawn.
    training_ = open(saved_.settings, Part::train);
    check_same_data(saved_, path_, *training_);
    if (digits_) choose_parzen();
    if (!options_.features.empty()) open_features();
    sample_nets();
    if (parzen_) parzen();
    similarity();
    if (net_) features();
    neighbours();
    progress_.note(made_beside(options_, "evaluation.json") + " holds these numbers" + unreadable(bad_count()));
    return {facts(), tables_};
  }

 private:
  std::unique_ptr<Examples> open(const Settings &s, Part part) {
    return open_examples(
        *saved_.experiment, s, data_path(options_, *saved_.experiment), saved_.seed,
        [this](const std::string &text) { progress_.warn(text); }, part);
  }
  int64_t bad_count() const { return training_->bad_count() + (held_out_ ? held_out_->bad_count() : 0); }

  void sample_nets() {
    if (const std::string unlearned = unlearned_layer(saved_); !unlearned.empty()) progress_.warn(unlearned);
    const std::unique_ptr<SampleSource> sampler = model_sampler(*backend_, saved_, path_, options_.samples);
    if (!saved_.maker.empty()) sets_.push_back({saved_.maker, {}, {}, {}});
    if (saved_.model.descriptor) sets_.push_back({"descriptor", {}, {}, {}});
    Task task(progress_, net_ ? "samples and their features" : "samples", options_.samples);
    sampler->warn = [&](const std::string &text) { progress_.warn(text); };
    draw_samples(*sampler, saved_, options_.seed, options_.samples, task,
                 [&](int64_t, const std::vector<real> &made, const std::vector<real> &revised) {
                   if (!made.empty()) add(sets_.front(), made);
                   if (!revised.empty()) add(sets_.back(), revised);
                 });
  }
  void add(PictureSet &set, const std::vector<real> &values) {
    const int64_t size = example_.size(), count = int64_t(values.size()) / size;
    if (parzen_) {
      set.pixels.count += count;
      set.pixels.dimension = size;
      set.pixels.values.insert(set.pixels.values.end(), values.begin(), values.end());
    }
    const int64_t missing = shown_neighbours - int64_t(set.shown.size()) / size;
    set.shown.insert(set.shown.end(), values.begin(), values.begin() + std::min(missing, count) * size);
    if (net_) look(*net_, values, example_, set.seen);
  }

  // --- Table 2: the log-likelihood of test pictures under Parzen windows around samples ------------------------------
  void choose_parzen() {
    parzen_ = training_->has_test_set();
    if (parzen_)
      open_parzen();
    else
      progress_.note(
          "no Table 2 (Parzen windows): " + data_path(options_, *saved_.experiment) +
          " has no test set to give a likelihood to; a folder with MNIST's files, under their names, has one");
  }

  // Test and validation pictures are on the data's own scale, whatever the nets were shown.
  void open_parzen() {
    const bool authors = saved_.settings.parzen == "authors";
    Settings own = saved_.settings;
    own.normalise = "fixed";
    if (own.held_out == 0) {
      if (!authors)
        throw std::runtime_error(
            path_ +
            " has learned all training pictures (held_out=0), and the clean protocol chooses the windows' "
            "width on ones that were not learned; --set parzen=authors does not mind");
      own.held_out = std::min<int64_t>(10000, training_->size() / 6);
    }
    const auto whole = [](const Examples &e, int64_t most) { return e.range(0, std::min(e.size(), most)); };
    validation_ = unit(whole(*open(own, Part::held_out), parzen_validation));
    const auto test = open(own, Part::test);
    test_ = unit(whole(*test, test->size()));
    ceiling_ = unit(whole(*open(own, Part::train), options_.samples));
  }
  Samples unit(std::vector<real> values) const {
    const int64_t count = int64_t(values.size()) / example_.size();
    return parzen_samples(Samples(count, example_.size(), std::move(values)), ParzenRange::clean);
  }

  void parzen() {
    Table table{"Parzen-window log-likelihood of the test pictures, in nats (Table 2)",
                {"sigma", "log-likelihood", "standard error"},
                {},
                {}};
    const auto add = [&](const std::string &name, const Samples &samples) {
      const auto now = standard_screen().seconds;
      const double start = now();
      Task task(progress_, "Parzen windows of " + name + ", pictures", validation_.count + test_.count);
      const ParzenScore score =
          parzen_score(samples, validation_, test_, [&](int64_t points) { task.reached(double(points)); });
      progress_.note(name + ": all distances of " + std::to_string(samples.count) + " samples to " +
                     std::to_string(validation_.count + test_.count) + " pictures and their windows, " +
                     duration(now() - start));
      table.rows.push_back({name, {score.sigma, score.mean, score.standard_error}});
    };
    for (const PictureSet &set : sets_) {
      add(set.name, parzen_samples(set.pixels, ParzenRange::clean));
      if (saved_.settings.parzen == "authors")
        add(set.name + ", authors", parzen_samples(set.pixels, ParzenRange::authors));
    }
    add("training pictures", ceiling_);
    table.rows.push_back({"published on MNIST, generator", {NAN, 226, 2.1}});
    table.rows.push_back({"published on MNIST, descriptor", {NAN, 228, 2.1}});
    table.rows.push_back({"published on MNIST, DBN", {NAN, 138, 2}});
    table.rows.push_back({"published on MNIST, stacked CAE", {NAN, 121, 1.6}});
    table.rows.push_back({"published on MNIST, deep GSN", {NAN, 214, 1.1}});
    table.rows.push_back({"published on MNIST, GAN", {NAN, 225, 2}});
    table.notes = {std::to_string(options_.samples) + " samples a row; sigma chosen on " +
                       std::to_string(validation_.count) + " training pictures that were " +
                       (saved_.settings.held_out > 0 ? "not learned" : "learned, too") + "; " +
                       std::to_string(test_.count) + " test pictures, evaluated once",
                   "training pictures in the place of samples are the ceiling that memorising reaches",
                   "published: the best epoch by the test set, samples stretched to [0, 1] together"};
    if (saved_.settings.parzen == "authors")
      table.notes.push_back(
          "authors: samples clipped to [-1, 1], then stretched together to [0, 1], as their code does; that it learns "
          "55,000 pictures and takes the best epoch by the test set is not repeated");
    if (saved_.settings.normalise != "fixed")
      table.notes.push_back(
          "the nets were shown each picture stretched to [-1, 1], and these are not: where pictures "
          "are not bright throughout (Fashion-MNIST), train with --set normalise=fixed");
    publish(table);
  }

  // --- Figure 3: how alike the pictures of one set are ---------------------------------------------------------------
  void similarity() {
    Table table{"Structural similarity of pairs of pictures (Figure 3): low where samples vary", {"SSIM"}, {}, {}};
    const auto add = [&](const std::string &name, const std::vector<real> &values) {
      std::vector<double> pixels(values.begin(), values.end());
      for (double &p : pixels) p = (p + 1) / 2;
      const Frames pictures(int64_t(values.size()) / example_.size(), example_.h, example_.w, example_.c, pixels);
      const bool enough = pictures.count > 1 && std::min(example_.h, example_.w) >= 11;  // SSIM's window
      table.rows.push_back({name, {enough ? mean_pairwise_ssim(clipped(pictures)) : NAN}});
    };
    for (const PictureSet &set : sets_) add(set.name, set.shown);
    add("training pictures", training_->range(0, std::min(shown_neighbours, training_->size())));
    table.notes = {"mean over all pairs of the first " + std::to_string(shown_neighbours) +
                   " of each, or of all where there are fewer"};
    publish(table);
  }

  // --- Tables 1 and 3, Figure 3: what a net for features makes of the samples ----------------------------------------
  void open_features() {
    if (options_.splits > options_.samples) throw std::invalid_argument("--splits cannot be more than --samples");
    if (options_.samples < least_for_scores)
      throw std::invalid_argument("the scores of --features look at fifth neighbours: they need " +
                                  std::to_string(least_for_scores) + " samples or more");
    net_ = load_feature_net(*backend_, options_.features);
    statistics_ = statistics_of(options_, *net_);
    if (saved_.settings.held_out > 0) held_out_ = open(saved_.settings, Part::held_out);
  }

  // At most --samples of them, drawn by the seed: folders and files are often sorted.
  PictureSet seen(const std::string &name, const Examples &examples) {
    PictureSet set{name, {}, {}, {}};
    const std::vector<int64_t> drawn = epoch_order(examples.size(), static_cast<uint64_t>(options_.seed), 0);
    const int64_t count = std::min(options_.samples, examples.size());
    Task task(progress_, "features of " + name, count);
    for (int64_t first = 0; first < count; first += 100) {
      const std::vector<int64_t> some(drawn.begin() + first, drawn.begin() + std::min(first + 100, count));
      look(*net_, examples.some(some), example_, set.seen);
      task.reached(first + int64_t(some.size()));
    }
    return set;
  }

  void features() {
    std::deque<PictureSet> others = {seen("training pictures", *training_)};
    const Features &learned = others[0].seen;
    std::vector<FeatureSet> made;
    for (const PictureSet &set : sets_) made.push_back({set.name, set.seen});
    Comparison comparison{made, FeatureSet{"training pictures", learned}, {}, nullptr, options_.splits};
    if (held_out_ && held_out_->size() >= std::max(least_for_scores, options_.splits)) {
      others.push_back(seen("held-out pictures", *held_out_));
      comparison.held_out.emplace(FeatureSet{others[1].name, others[1].seen});
    }
    if (statistics_) comparison.statistics = &*statistics_;
    if (int64_t(learned.features.count) < std::max(least_for_scores, options_.splits)) {
      progress_.note("no scores of features: they need " + std::to_string(std::max(least_for_scores, options_.splits)) +
                     " training pictures or more");
      return category(others);
    }
    Table table = feature_scores(*net_, comparison, [this](const std::string &text) { progress_.note(text); });
    table.notes.push_back(
        std::to_string(options_.samples) + " samples, compared with " + std::to_string(learned.features.count) +
        " training pictures as the nets were shown them; Inception score over " + std::to_string(options_.splits) +
        " splits. Only KID is unbiased: compare the others at equal numbers alone");
    if (comparison.held_out)
      table.notes.push_back(std::to_string(others[1].seen.features.count) +
                            " held-out pictures, which neither the nets nor samples know, show what real ones get");
    if (net_->published_scores()) add_published_scores(saved_.experiment->name, table);
    publish(table);
    category(others);
  }

  void category(const std::deque<PictureSet> &others) {
    const std::vector<std::string> names = net_->categories();
    // A folder of one category is named after it.
    std::string category = saved_.settings.category;
    if (category.empty())
      category = std::filesystem::path(data_path(options_, *saved_.experiment) + "/.").parent_path().filename();
    const auto found = std::find(names.begin(), names.end(), category);
    if (found == names.end()) {
      progress_.note(
          "no table of Figure 3: the net of --features " +
          (names.empty() ? "has no names for its categories" : "has no category " + coopnets::quoted(category)) +
          "; --category, or the folder's name, is what is looked for");
      return;
    }
    Table table{"Category " + category + " (Figure 3)",
                {"softmax probability", "top-1 error", "top-5 error"},
                {},
                {net_->description()}};
    const auto add = [&](const PictureSet &set) {
      const int64_t at = found - names.begin();
      const CategoryScore score = category_score(set.seen.logits, at);
      table.rows.push_back(
          {set.name, {score.probability, category_score(set.seen.logits, at, 1).top_error, score.top_error}});
    };
    for (const PictureSet &set : sets_) add(set);
    for (const PictureSet &set : others) add(set);
    publish(table);
  }

  // --- Each sample beside its nearest training picture ---------------------------------------------------------------
  void neighbours() {
    const int64_t size = example_.size(), all = training_->size();
    std::vector<int64_t> among = epoch_order(all, static_cast<uint64_t>(options_.seed), 0);
    among.resize(size_t(std::min(all, neighbours_among)));
    std::sort(among.begin(), among.end());
    std::vector<real> shown;
    for (const PictureSet &set : sets_) shown.insert(shown.end(), set.shown.begin(), set.shown.end());
    const int64_t samples = int64_t(shown.size()) / size;
    Task task(progress_, "training pictures compared with samples", int64_t(among.size()));
    const std::vector<Neighbour> nearest = nearest_neighbours(
        Samples(samples, size, std::move(shown)), int64_t(among.size()), [&](int64_t first, int64_t n) {
          task.reached(first);
          const std::vector<int64_t> some(among.begin() + first, among.begin() + first + n);
          return Samples(n, size, training_->some(some));
        });
    const std::string which = int64_t(among.size()) == all
                                  ? "the nearest training picture"
                                  : "the nearest of " + std::to_string(among.size()) + " of " + std::to_string(all) +
                                        " training pictures, drawn by the seed";
    auto found = nearest.begin();
    for (const PictureSet &set : sets_) {
      const int64_t count = int64_t(set.shown.size()) / size;
      std::vector<int64_t> beside;
      for (int64_t k = 0; k < count; ++k) beside.push_back(among[size_t((found++)->index)]);
      const std::vector<real> others = training_->some(beside);
      std::vector<real> pairs;
      for (int64_t k = 0; k < count; ++k)
        for (const std::vector<real> *row : {&set.shown, &others})
          pairs.insert(pairs.end(), row->begin() + k * size, row->begin() + (k + 1) * size);
      const std::string file = made_beside(options_, "nearest_" + set.name);
      save_sheet(file, pairs, example_.with_n(2 * count), picture_texts(saved_, path_, options_), "", 2 * count, 10);
      progress_.note(file + ".png: each sample and, to its right, " + which);
    }
  }

  // Prints it, and writes it beside those before it.
  void publish(const Table &table) {
    if (prints_) print_report({{}, {table}}, options_);
    tables_.push_back(table);
    write_atomically(made_beside(options_, "evaluation.json"), report_json(facts(), tables_));
  }

  std::vector<Fact> facts() const {
    std::vector<Fact> facts = report_facts(saved_, path_, options_);
    facts.insert(facts.end(), {{"samples", options_.samples}, {"splits", options_.splits}});
    if (net_) facts.push_back({"features", options_.features});
    if (statistics_) facts.push_back({"statistics", options_.statistics});
    if (bad_count() > 0) facts.push_back({"unreadable pictures", bad_count()});
    return facts;
  }

  const Options &options_;
  const bool prints_;
  std::unique_ptr<Backend> backend_;
  std::string path_;
  SavedModel saved_;
  Progress progress_;
  const bool digits_ = saved_.experiment->data == DataKind::digits;
  bool parzen_ = false;  // digits with a test set
  const Shape example_ = example_shape(*saved_.experiment, saved_.settings);
  std::unique_ptr<Examples> training_, held_out_;
  std::unique_ptr<FeatureNet> net_;
  std::optional<FeatureStatistics> statistics_;
  Samples validation_, test_, ceiling_;
  std::vector<PictureSet> sets_;
  std::vector<Table> tables_;
};

}  // namespace

int evaluate_pictures(const Options &options) {
  const Report report = PictureEvaluation(options, !options.json).run();
  if (options.json) print_report(report, options);
  return 0;
}

Report picture_report(const Options &options) { return PictureEvaluation(options, false).run(); }

}  // namespace coopnets
