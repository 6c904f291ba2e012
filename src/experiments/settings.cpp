#include "experiments/settings.h"

#include <sstream>

#include "data/densities.h"

namespace coopnets {

namespace {

using Row = Field<Settings>;

template <class Number>
Row field(const char *name, Number Settings::*member, double least, double most, const char *help) {
  return {name, member, help, least, most, {}};
}
Row field(const char *name, std::string Settings::*member, std::vector<std::string> choices, const char *help) {
  return {name, member, help, 0, 0, std::move(choices)};
}

constexpr double any = 9.3e18, many = 1e9, wide = 65536;

std::vector<Row> data_fields() {
  return {
      field("iterations", &Settings::iterations, 1, any, "learning iterations of the whole run"),
      field("epochs", &Settings::epochs, 0, any,
            "passes over the training examples instead of a number of iterations; 0: as iterations says"),
      field("chains", &Settings::chains, 1, many, "samples revised in parallel"),
      field("batch", &Settings::batch, 1, many, "observed examples an iteration"),
      field("size", &Settings::size, 1, wide, "side of the training pictures in pixels"),
      field(
          "border", &Settings::border, 0, wide,
          "pixels around what is shown, or frames before and after a clip, that the nets see and make beside it: where "
          "nothing is padded, what is near the edge is in fewer windows than the rest. Cooperative learning's step G2 "
          "leaves them out"),
      field("frames", &Settings::frames, 1, wide,
            "frames of the training videos, or of the parts of them that are shown (crop=random)"),
      field(
          "short", &Settings::short_clips, {"refuse", "loop", "mirror"},
          "what becomes of clips of fewer frames: refuse (they are an error), loop (they begin again), mirror (they go "
          "back and forth)"),
      field("crop", &Settings::crop, {},
            "part of a bigger picture that is resized to size: centre (largest centred square), size (the "
            "middle of a bigger picture, unscaled), random (another part of the unscaled picture for each example of "
            "each iteration, drawn by the seed; of a video other frames of it), none (all of it), or the side of a "
            "centred square in pixels"),
      field("resize", &Settings::resize, {"average", "nearest", "bilinear", "bicubic"},
            "how pictures get that size: average (over the area of a pixel), or as the published codes do it: nearest "
            "(Pillow before 7), bilinear (OpenCV, not antialiased), bicubic (MATLAB)"),
      field("mirror", &Settings::mirror, {"never", "random"},
            "random: each picture is observed as it is or with left and right exchanged, drawn anew by the seed each "
            "time; not where each example keeps a latent vector"),
      field("alpha", &Settings::alpha, {"black", "white", "ignore"},
            "what transparent pixels of pictures lie on; ignore: the colours that they have beneath"),
      field("normalise", &Settings::normalise, {"stretch", "video", "fixed"},
            "to [-1, 1]: stretch (each picture or frame by its own minimum and maximum), video (each clip by its own), "
            "fixed (0 to 255)"),
      field("category", &Settings::category, {}, "the category or picture to learn where the data holds several"),
      field("density", &Settings::density, density_names(), "toy: what its points are drawn from"),
      field("held_out", &Settings::held_out, 0, any,
            "training examples set aside for evaluation: of digits the last ones, else ones drawn by the seed; a "
            "preset's number is a sixth of the data at most"),
      field("examples", &Settings::examples, 0, any,
            "so many training examples, of each category where there are some, are learned, drawn by the seed; 0 all"),
  };
}

std::vector<Row> net_and_chain_fields() {
  return {
      field("descriptor", &Settings::descriptor, {}, "name of the descriptor net"),
      field("generator", &Settings::generator, {}, "name of the generator net"),
      field("latent", &Settings::latent, 1, many, "channels of the latent vector"),
      field("descriptor_init", &Settings::descriptor_init, 0, 100,
            "standard deviation of the first filters of the descriptor, or of a rival's second net"),
      field("generator_init", &Settings::generator_init, 0, 100, "standard deviation of the generator's first filters"),
      field("langevin_steps", &Settings::langevin_steps, 0, many, "L: Langevin steps of the descriptor an iteration"),
      field("langevin_step_size", &Settings::langevin_step_size, 0, 1000, "delta: size of a Langevin step"),
      field("reference_deviation", &Settings::reference_deviation, 1e-6, 1e6,
            "s: standard deviation of the reference distribution"),
      field("sample_steps", &Settings::sample_steps, -1, many,
            "Langevin steps that revise new samples, -1: as many as in training; of dbn, cae and gsn steps of the "
            "chain between them"),
      field("temperature", &Settings::temperature, 0, 1e6,
            "T: a Langevin step of the descriptor adds noise of deviation delta sqrt(T); 1 is the paper's dynamics, 0 "
            "climbs the energy and does not sample"),
      field(
          "cold_steps", &Settings::cold_steps, 0, many,
          "so many of the Langevin steps, the last, draw no noise, so that none is left in what is learned and shown"),
      field("langevin_noise_until", &Settings::langevin_noise_until, 0, 1,
            "part of the run after which the noise is off: 0.2 after a fifth of it, 1 never"),
      field(
          "statistics", &Settings::statistics, {"batch", "running"},
          "what batch norm uses to make new samples: batch (those of the samples made together, as many as chains; as "
          "in training and in the authors' codes) or running (those kept in training; each sample for itself)"),
      field(
          "generator_steps", &Settings::generator_steps, 0, many,
          "Lz: Langevin steps on the latent vectors (step G1), with noise; algorithm G takes 20 unless told otherwise"),
      field("generator_step_size", &Settings::generator_step_size, 0, 1000,
            "delta_z: size of a step on the latent vectors"),
      field("sigma", &Settings::sigma, 1e-6, 1e6,
            "standard deviation of the generator's residual; of cae's walk and of gsn's noise"),
  };
}

std::vector<Row> learning_fields() {
  return {
      field("residual_mean", &Settings::residual_mean, {"chains", "batch", "values"},
            "what step G2 divides the squared residual by: the chains ([T]), the observed batch ([M]) or every value "
            "([V])"),
      field("optimizer", &Settings::optimizer, {"adam", "capped-momentum", "momentum"},
            "adam, capped-momentum ([M]'s, with weight decay) or momentum alone"),
      field("descriptor_rate", &Settings::descriptor_rate, 0, 1e6,
            "learning rate of the descriptor, or of a rival's second net"),
      field("generator_rate", &Settings::generator_rate, 0, 1e6, "learning rate of the generator"),
      field("descriptor_cap", &Settings::descriptor_cap, 0, 1e9,
            "largest gradient element of a descriptor parameter (capped-momentum); 0 none"),
      field("generator_cap", &Settings::generator_cap, 0, 1e9,
            "largest gradient element of a generator parameter (capped-momentum); 0 none"),
      field("halvings", &Settings::halvings, 0, 1000,
            "how often both learning rates halve, after equal parts of the run; 0 never"),
      field("averaging", &Settings::averaging, 0, 1,
            "half-life of the running averages of the weights, which new samples are made with, as a part of the run: "
            "0.03; 0, and where statistics=running: the last weights make them"),
      field("schedule_steps", &Settings::schedule_steps, 0, 1e6,
            "pieces of the learning rates' logarithmic schedule from 1 to 0.01; 0 none"),
  };
}

std::vector<Row> rival_fields() {
  return {
      field("width", &Settings::width, 1, wide,
            "of a rival: channels of its second net's first layer; of dbn, cae and gsn hidden units, of gan a "
            "sixteenth of them"),
      field("critic_steps", &Settings::critic_steps, 1, many, "wgan: critic steps for each step of the generator"),
      field("clip", &Settings::clip, 1e-9, 1e9, "wgan: largest size of a critic's parameter"),
      field("margin", &Settings::margin, 0, 1e9, "ebgan: energy that what is made is pushed up to"),
      field("pulling_away", &Settings::pulling_away, 0, 1e9, "ebgan: weight of the pulling-away term"),
      field("divergence_weight", &Settings::divergence_weight, 0, 1e9,
            "vae: weight of the Kullback-Leibler divergence"),
      field("information_weight", &Settings::information_weight, 0, 1e9, "infogan: weight of the codes' information"),
      field("categories", &Settings::categories, 2, wide, "infogan: values of the categorical code"),
      field("numbers", &Settings::numbers, 1, wide, "infogan: codes that are numbers from -1 to 1"),
      field("levels", &Settings::levels, 1, 1000, "cdrl: levels of noise, as many examples of the batch for each"),
      field("blocks", &Settings::blocks, 1, 100, "cdrl: residual blocks of either net at each size"),
      field("block_side", &Settings::block_side, 7, wide,
            "cdrl: largest side that has such blocks; what is larger is halved by one convolution"),
      field(
          "whole_units", &Settings::whole_units, 0, wide,
          "cdrl: units of a layer of either net that sees the whole picture, at its smallest; 0: pictures of any size"),
      field("classes", &Settings::classes, 0, wide,
            "cdrl: the nets are told which of so many an example is of; 0: not"),
      field(
          "data_weight", &Settings::data_weight, 0, 1,
          "weight of the data in the loss of the generator, or of cdrl's initialiser, beside that of the chains; 0: it "
          "learns from these alone. More needs step G1 (generator_steps) but for cdrl"),
      field("steepness", &Settings::steepness, {"learned", "level"},
            "cdrl: how steep the energy is at each level of noise: learned (by the net alone), level (what it gives is "
            "multiplied by what is expected there)"),
      field("start", &Settings::start, {"noise", "mean"},
            "cdrl: what samples begin from: noise alone (published), or with the mean example in it, as the last level "
            "has it; of examples of one size"),
      field("colours", &Settings::colours, {"given", "uncorrelated"},
            "cdrl: as the data have them, or changed so that no channel tells of another and all vary alike"),
      field("guidance", &Settings::guidance, 0, 1000, "cdrl: how much more than learned samples are of their class"),
      field("warm_up", &Settings::warm_up, 0, many, "iterations in which both learning rates rise from 0"),
      field("gradient_bound", &Settings::gradient_bound, 0, 1e9,
            "cdrl: largest norm of all gradients of a net together; 0 none"),
  };
}

std::vector<Row> evaluation_fields() {
  return {
      field("parzen", &Settings::parzen, {"clean", "authors"},
            "protocol of the Parzen-window log-likelihood: clean, or that of the authors' code beside it"),
      field("hidden_square", &Settings::hidden_square, 0, wide,
            "side of the square that completion hides; 0: 30, 40 and 50 of 64 pixels in turn"),
      field("inference_steps", &Settings::inference_steps, 1, many,
            "Langevin steps that infer the latent vector of a picture to complete"),
      field("inference_restarts", &Settings::inference_restarts, 1, 1000,
            "chains that begin it, each from another latent vector; the one that soon fits best goes on"),
  };
}

}  // namespace

const std::vector<Field<Settings>> &setting_fields() {
  static const std::vector<Row> fields = [] {
    std::vector<Row> all;
    for (const auto &part : {data_fields, net_and_chain_fields, learning_fields, rival_fields, evaluation_fields}) {
      const std::vector<Row> some = part();
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return fields;
}

void Settings::set(const std::string &name, const std::string &value) {
  const Field<Settings> &field = find_field(setting_fields(), name, "setting");
  if (name == "crop" && value != "centre" && value != "size" && value != "random" && value != "none") {
    const std::optional<int64_t> side = parse_integer(value);
    if (!side || *side < 1 || *side > 65536)
      throw std::invalid_argument("the setting crop takes centre, size, random, none or a number of pixels, not " +
                                  quoted(value));
  }
  assign(field, *this, value, "the setting " + name);
  if (name == "iterations") epochs = 0;  // what is said last counts
}

void Settings::set_all(const std::string &words) {
  std::istringstream all(words);
  for (std::string word; all >> word;) set(word.substr(0, word.find('=')), word.substr(word.find('=') + 1));
}

std::string Settings::get(const std::string &name) const {
  return print(find_field(setting_fields(), name, "setting"), *this);
}

std::string print(const Settings &settings) {
  std::string text;
  for (const Field<Settings> &field : setting_fields()) text += field.name + '=' + print(field, settings) + '\n';
  return text;
}

}  // namespace coopnets
