#include "app/saved_model.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "app/run_name.h"
#include "learning/checkpoint.h"
#include "learning/optimizer.h"

namespace coopnets {

std::string metadata_entry(const SafetensorsFile &file, const std::string &key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end())
    throw std::runtime_error(file.path() + " is not a checkpoint of this program: its metadata has no '" + key + "'");
  return found->second;
}

Settings stored_settings(const SafetensorsFile &file, Settings s) {
  const std::string text = metadata_entry(file, "settings");
  if (text.find("\nalpha=") == std::string::npos) s.alpha = "ignore";  // before there was a choice
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const size_t equals = line.find('=');
    begin = end + 1;
    if (line.empty()) continue;
    try {
      if (equals == std::string::npos) throw std::invalid_argument(quoted(line) + " is no setting");
      s.set(line.substr(0, equals), line.substr(equals + 1));
    } catch (const std::invalid_argument &error) {
      throw std::runtime_error(file.path() + " holds a setting that this program does not know: " + error.what());
    }
  }
  return s;
}

void check_parameters(const SafetensorsFile &file, const Sketch &net) {
  for (const ParameterSpec &p : net.parameters) {
    const StoredTensor *stored = file.find(p.name);
    const Shape &s = p.shape;
    if (stored && stored->shape != std::vector<int64_t>{s.n, s.t, s.h, s.w, s.c})
      throw std::invalid_argument("its settings do not fit its tensor '" + p.name + "'");
  }
}

namespace {

constexpr char format[] = "coopnets 2";

// The nets that the settings name, the generator as a rival has it; rival: null for none.
void check_settings(const SafetensorsFile &file, const Experiment &experiment, const Rival *rival, const Settings &s) {
  try {
    const Shape example = example_shape(experiment, s);
    const NetFunction generator =
        rival ? rival_generator(*rival, experiment, s) : find_net(Net::generator, s.generator).function(s);
    const Sketch g = sketch(generator, "generator", latent_shapes(s));
    check_parameters(file, g);
    if (!rival) {
      check_parameters(file, sketch(find_net(Net::descriptor, s.descriptor).function(s), "descriptor", {example}));
    } else {  // whose second net is always kept
      const Sketch partner = sketch(rival->partner_net(s, 1), rival->partner, rival->partner_inputs(example, s));
      for (const ParameterSpec &p : partner.parameters)
        if (!file.find(p.name)) throw std::invalid_argument("it lacks the tensor '" + p.name + "'");
      check_parameters(file, partner);
    }
    require_same(g.outputs.at(0), example, "its settings do not fit together");
  } catch (const std::exception &error) {
    throw std::runtime_error(file.path() + " is damaged: " + error.what());
  }
}

// What the experiment can be learned by. Throws std::runtime_error.
void check_algorithm(const SafetensorsFile &file, const Experiment &experiment, const std::string &algorithm) {
  try {
    if (const Rival *const rival = find_rival(algorithm))
      rival_settings(*rival, experiment, "quick");
    else
      parse_algorithm(algorithm);
  } catch (const std::exception &error) {
    throw std::runtime_error(file.path() + " is damaged: " + error.what());
  }
}

// A model is made of the averages of its parameters where the run kept some, unless it needs the running statistics,
// which are those of the last ones.
NamedViews averaged(const SafetensorsFile &file, NamedViews state, const std::string &statistics) {
  for (auto &[name, view] : state)
    if (statistics == "batch" && file.find(average_of(name))) name = average_of(name);
  return state;
}

// The first layer tells whether the settings are those of the file.
void check_layers(const SafetensorsFile &file, const Rival &rival, const Shape &example, const Settings &s) {
  const StoredTensor &first = file.at(rival.name + ".0.weights");
  if (first.shape != std::vector<int64_t>{1, 1, 1, example.example(), s.width})
    throw std::runtime_error(file.path() + " is damaged: its settings do not fit its first layer");
  const StoredTensor *chains = file.find("chain") ? file.find("chain") : &file.at("chain.visible");
  if (chains->shape.empty() || chains->shape[0] != s.batch)
    throw std::runtime_error(file.path() + " is damaged: its settings do not fit its chains");
}

// Whether the settings are those of the file is told before they are given any memory.
std::unique_ptr<ChainLearner> load_chain(Backend &backend, const SafetensorsFile &file, const Rival &rival,
                                         const Experiment &experiment, const Settings &s, uint64_t seed) {
  const Shape example = example_shape(experiment, s);
  try {
    if (rival.chain_nets)
      for (const Sketch &net : rival.chain_nets(example, s)) check_parameters(file, net);
    else
      check_layers(file, rival, example, s);
  } catch (const std::invalid_argument &error) {
    throw std::runtime_error(file.path() + " is damaged: " + error.what());
  }
  std::unique_ptr<ChainLearner> chain = rival.chain({backend, example, s, seed});
  load_checkpoint(file, backend, chain->state());
  return chain;
}

}  // namespace

Metadata run_metadata(const std::string &experiment, const Settings &settings, int64_t seed, int64_t iteration) {
  return {{"format", format},
          {"experiment", experiment},
          {"seed", std::to_string(seed)},
          {"iteration", std::to_string(iteration)},
          {"settings", print(settings)}};
}

Metadata model_metadata(const Experiment &experiment, const Settings &settings, const std::string &algorithm,
                        const std::string &data, int64_t seed, int64_t iteration) {
  Metadata metadata = run_metadata(experiment.name, settings, seed, iteration);
  metadata["algorithm"] = algorithm;
  metadata["data"] = data;
  return metadata;
}

std::string identify(int64_t size, const std::vector<real> &first) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const real value : first) {
    const auto level = static_cast<uint32_t>(std::lround(value * 127.5 + 127.5));  // the byte that it was read from
    for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ (level >> shift & 255)) * 0x100000001b3;
  }
  char text[64];
  std::snprintf(text, sizeof text, "%lld example%s %016llx", static_cast<long long>(size), size == 1 ? "" : "s",
                static_cast<unsigned long long>(hash));
  return text;
}

int64_t checkpoint_iteration(const SafetensorsFile &file) {
  if (metadata_entry(file, "format") != format)
    throw std::runtime_error(file.path() +
                             " is a checkpoint of another version of this program, whose settings had other meanings: "
                             "use it with that version, or train the model again (--overwrite)");
  const std::optional<int64_t> iteration = parse_integer(metadata_entry(file, "iteration"));
  if (!iteration || *iteration < 0)
    throw std::runtime_error(file.path() + " is damaged: its iteration is " +
                             quoted(metadata_entry(file, "iteration")));
  return *iteration;
}

std::optional<int64_t> network_passes(const SafetensorsFile &file) {
  if (file.metadata().count("passes") == 0) return {};
  const std::string text = metadata_entry(file, "passes");
  const std::optional<int64_t> passes = parse_integer(text);
  if (!passes || *passes < 0 || *passes > int64_t{1} << 60)
    throw std::runtime_error(file.path() + " is damaged: its passes are " + quoted(text));
  return passes;
}

void check_same_run(const SafetensorsFile &file, const std::vector<std::pair<std::string, std::string>> &entries,
                    const Settings &others, const Settings &settings, const DataPaths &paths) {
  constexpr size_t most_named = 8;
  std::vector<std::string> differences;
  const auto check = [&](const std::string &what, const std::string &was, const std::string &is) {
    if (was != is)
      differences.push_back(what + " " + quoted(was) + ", not " + quoted(is) +
                            (what == "data" && !paths.before.empty() && paths.before != paths.now
                                 ? " (of " + quoted(paths.before) + ", not of " + quoted(paths.now) + ")"
                                 : ""));
  };
  for (const auto &[key, now] : entries)  // what another algorithm does not write is not looked for
    if (differences.empty() || file.metadata().count(key)) check(key, metadata_entry(file, key), now);
  const Settings before = stored_settings(file, others);
  for (const Field<Settings> &field : setting_fields())
    if (field.name != "iterations" || settings.schedule_steps > 0)  // the schedule is laid over the whole run
      check(field.name, before.get(field.name), settings.get(field.name));
  if (differences.empty()) return;
  // Settings decide what is read of the data: only where they are the same must the data themselves be others.
  if (differences.size() == 1 && differences[0].rfind("data ", 0) == 0 && paths.before == paths.now &&
      !paths.now.empty())
    differences[0] += " (what " + quoted(paths.now) + " holds has changed)";
  std::string all;
  for (size_t i = 0; i < std::min(differences.size(), most_named); ++i)
    all += (i > 0 ? "; with " : "") + differences[i];
  if (differences.size() > most_named) all += "; and " + std::to_string(differences.size() - most_named) + " more";
  throw std::runtime_error(file.path() + " was made with " + all +
                           "; a run goes on as it began (--overwrite begins it anew)");
}

SavedModel load_model(Backend &backend, const std::string &path, const Options &options) {
  if (options.checkpoint.empty() && access(path.c_str(), F_OK) != 0)
    throw std::runtime_error("there is no model " + path +
                             " yet: train it first, or name another run (--name) or file (--checkpoint)");
  const SafetensorsFile file(path);
  SavedModel saved;
  saved.iteration = checkpoint_iteration(file);
  saved.passes = network_passes(file);
  saved.algorithm = metadata_entry(file, "algorithm");
  saved.data = metadata_entry(file, "data");
  const std::optional<int64_t> seed = parse_integer(metadata_entry(file, "seed"));
  if (!seed) throw std::runtime_error(path + " is damaged: its seed is " + quoted(metadata_entry(file, "seed")));
  saved.seed = static_cast<uint64_t>(*seed);
  const std::string name = metadata_entry(file, "experiment");
  if (!options.experiment.empty() && name != options.experiment)
    throw std::runtime_error(path + " is a model of the experiment " + quoted(name) + ", not of " +
                             quoted(options.experiment));
  saved.experiment = &find_experiment(name);
  saved.settings = stored_settings(file, saved.experiment->settings("quick"));
  const Rival *const rival = find_rival(saved.algorithm);
  check_algorithm(file, *saved.experiment, saved.algorithm);
  if (!rival || !rival->chain) check_settings(file, *saved.experiment, rival, saved.settings);
  saved.trained = saved.settings;
  const Settings chosen = settings_of(options, saved.settings);
  for (const char *name :
       {"descriptor", "generator", "size", "border", "frames", "latent", "width", "categories", "numbers", "levels",
        "blocks", "block_side", "whole_units", "classes", "colours", "steepness"})
    if (chosen.get(name) != saved.settings.get(name))
      throw std::invalid_argument(path + " was trained with " + name + '=' + saved.settings.get(name) + ", not " +
                                  chosen.get(name) + ": the shape of its nets cannot be changed");
  if (chosen.start == "mean" && saved.settings.start != "mean")
    throw std::invalid_argument(path + " was trained with start=noise and does not know the mean example");
  if (rival && rival->chain) {
    Settings of_chain = chosen;
    of_chain.batch = saved.settings.batch;
    saved.chain = load_chain(backend, file, *rival, *saved.experiment, of_chain, saved.seed);
  } else if (rival) {
    RivalModel both =
        make_rival(backend, *rival, *saved.experiment, saved.settings, static_cast<uint64_t>(options.seed));
    saved.model.generator = std::move(both.generator);
    saved.partner = std::move(both.partner);
  } else {
    saved.model = make_model(backend, *saved.experiment, saved.settings, static_cast<uint64_t>(options.seed));
  }
  for (std::unique_ptr<Network> *net : {&saved.model.descriptor, &saved.model.generator, &saved.partner}) {
    if (*net && !file.find((*net)->parameters()[0].name)) net->reset();
    if (*net) load_checkpoint(file, backend, averaged(file, (*net)->state(), chosen.statistics));
  }
  if (saved.model.generator || saved.chain)
    saved.maker = saved.chain && saved.chain->descends() ? "descriptor" : "generator";
  saved.settings = chosen;
  return saved;
}

std::string identify(const Examples &examples) {
  return identify(examples.size(), examples.range(0, std::min(identifying_examples, examples.size())));
}

void check_same_data(const SavedModel &saved, const std::string &path, const Examples &training) {
  for (const char *name : {"category", "density", "crop", "resize", "alpha", "normalise", "held_out", "examples"})
    if (saved.settings.get(name) != saved.trained.get(name))
      throw std::runtime_error(path + " was trained with " + name + "=" + quoted(saved.trained.get(name)) + ", not " +
                               quoted(saved.settings.get(name)) +
                               ": what it has learned cannot be told from what it has not");
  if (identify(training) != saved.data)
    throw std::runtime_error(path + " was not trained on this data (" + saved.data + " then, " + identify(training) +
                             " now): name that of its run by --data");
}

void require_pictures(const SavedModel &saved, const std::string &what) {
  if (saved.experiment->data == DataKind::points)
    throw std::runtime_error(what + " is for pictures, and the experiment '" + saved.experiment->name +
                             "' has points of the plane");
}

std::string unlearned_layer(const SavedModel &saved) {
  const Rival *const rival = find_rival(saved.algorithm);
  if (!rival || !rival->last_layer_begins) return "";
  const int64_t begins = rival->last_layer_begins(saved.trained.iterations);
  if (saved.iteration > begins) return "";
  return "the last layer, from which samples come, begins to learn after " + std::to_string(begins) + " of the run's " +
         std::to_string(saved.trained.iterations) + " iterations, and " + std::to_string(saved.iteration) +
         " are done: these are samples of its first weights";
}

LearningSettings sampling_settings(const SavedModel &saved, int64_t seed) {
  LearningSettings s =
      learning_settings(saved.settings, Algorithm::cooperative, static_cast<uint64_t>(seed), saved.settings.batch);
  if (saved.settings.sample_steps >= 0) s.langevin_steps = saved.settings.sample_steps;
  // The noise that the last iteration had.
  s.noise_until = s.noise_until >= 0 && saved.iteration > s.noise_until ? 0 : -1;
  if (s.temperature == 0) s.noise_until = 0;
  return s;
}

std::vector<Fact> report_facts(const SavedModel &saved, const std::string &path, const Options &options) {
  std::vector<Fact> facts = {{"experiment", saved.experiment->name},
                             {"checkpoint", path},
                             {"algorithm", saved.algorithm},
                             {"iteration", saved.iteration}};
  if (saved.passes) facts.push_back({"network passes", *saved.passes});
  facts.insert(facts.end(), {{"training seed", static_cast<int64_t>(saved.seed)},
                             {"data", saved.data},
                             {"settings", print(saved.settings)},
                             {"seed", options.seed}});
  return facts;
}

std::string checkpoint_path(const Options &options) {
  if (!options.checkpoint.empty()) return options.checkpoint;
  return run_path(options, options.experiment) + "/checkpoint.safetensors";
}

std::string sibling(const std::string &path, const std::string &name) {
  const size_t slash = path.find_last_of('/');
  return (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + name;
}

std::string made_beside(const Options &options, const std::string &name) {
  if (options.checkpoint.empty() || !options.is_given("out") || options.from_config.count("out"))
    return sibling(checkpoint_path(options), name);
  create_folders(options.out);
  return options.out + '/' + name;
}

std::string experiment_of_checkpoint(const std::string &path) {
  return metadata_entry(SafetensorsFile(path), "experiment");
}

}  // namespace coopnets
