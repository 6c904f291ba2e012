#include "app/options.h"

#include "files.h"
#include "tensor/file.h"

namespace coopnets {
namespace {

using Arguments = std::vector<std::string>;

const Vocabulary names = {{"texture", "object", "scene", "digits", "dynamic-texture"},
                          {"digits", "scene", "texture", "video", "all"},
                          {"quick", "paper"},
                          {"cooperative", "descriptor", "persistent-cd", "generator"}};

Options parse(const Arguments &arguments) { return parse_options(arguments, names); }

std::string refusal(const Arguments &arguments) {
  return error_of<UsageError>([&] { parse(arguments); });
}

TEST(Options, a_whole_training_command) {
  const Options o = parse({"--exp",
                           "texture",
                           "--data=a b.png",
                           "--preset",
                           "quick",
                           "--iterations",
                           "300",
                           "--seed=7",
                           "--device",
                           "cuda:1",
                           "--out",
                           "runs",
                           "--name",
                           "brick",
                           "--threads",
                           "2",
                           "--precision",
                           "bf16",
                           "--set",
                           "sigma=0.5",
                           "chains=2",
                           "--overwrite",
                           "--set=sigma=0.25",
                           "--algorithm",
                           "persistent-cd",
                           "--category",
                           "cat",
                           "--quiet"});
  EXPECT_EQ(o.experiment, "texture");
  EXPECT_EQ(o.data, "a b.png");
  EXPECT_EQ(o.preset, "quick");
  EXPECT_EQ(o.seed, 7);
  EXPECT_EQ(o.device, "cuda:1");
  EXPECT_EQ(o.out, "runs");
  EXPECT_EQ(o.name, "brick");
  EXPECT_EQ(o.threads, 2);
  EXPECT_EQ(o.precision, "bf16");
  EXPECT_EQ(o.algorithm, "persistent-cd");
  EXPECT_TRUE(o.overwrite && o.quiet && !o.resume);
  EXPECT_TRUE(o.is_given("seed") && o.is_given("overwrite") && o.is_given("set") && !o.is_given("resume"));
  Settings preset;
  preset.iterations = 10;
  const Settings settings = settings_of(o, preset);
  EXPECT_EQ(settings.sigma, 0.25);
  EXPECT_EQ(settings.chains, 2);
  EXPECT_EQ(settings.iterations, 300);
  EXPECT_EQ(settings.category, "cat");
  EXPECT_EQ(settings_of(parse({"--exp", "texture"}), preset).iterations, 10);
}

TEST(Options, the_other_commands) {
  const Options sample = parse({"--exp", "texture", "--sample", "4", "--size", "512x768", "--frames", "80", "--save",
                                "npy", "--checkpoint", "c.safetensors"});
  EXPECT_EQ(sample.sample, 4);
  EXPECT_EQ(sample.size, "512x768");
  EXPECT_EQ(sample.frames, 80);
  EXPECT_EQ(sample.save, "npy");
  EXPECT_EQ(sample.checkpoint, "c.safetensors");
  EXPECT_TRUE(parse({"--exp", "scene", "--interpolate"}).interpolate);
  const Options complete = parse({"--exp", "scene", "--complete", "face.png", "--mask", "m.png"});
  EXPECT_TRUE(complete.complete);
  EXPECT_EQ(complete.picture, "face.png");
  EXPECT_EQ(complete.mask, "m.png");
  EXPECT_EQ(parse({"--exp", "scene", "--complete=face.png"}).picture, "face.png");
  EXPECT_EQ(parse({"--exp", "scene", "--complete", "--quiet"}).picture, "");
  const Options evaluate =
      parse({"--exp", "digits", "--evaluate", "--features", "f", "--samples", "50", "--splits", "5"});
  EXPECT_TRUE(evaluate.evaluate);
  EXPECT_EQ(evaluate.samples, 50);
  EXPECT_EQ(evaluate.splits, 5);
  const Options compare = parse({"--compare", "made", "--data", "real", "--features", "f", "--samples", "9"});
  EXPECT_EQ(compare.compare, "made");
  EXPECT_EQ(compare.data, "real");
  EXPECT_EQ(parse({"--compare", "made", "--statistics", "s.npz", "--features", "f"}).statistics, "s.npz");
  EXPECT_EQ(parse({"--bench", "all", "--iterations", "3"}).bench, "all");
  EXPECT_TRUE(parse({"--list"}).list);
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_TRUE(parse({"-h"}).help);
  EXPECT_TRUE(parse({"--man"}).man);
  EXPECT_EQ(parse({"--completion", "zsh"}).completion, "zsh");
  EXPECT_CONTAINS(refusal({"--completion", "fish"}), "--completion takes bash or zsh, not 'fish'");
  EXPECT_TRUE(parse({"--version", "--resume", "--overwrite"}).version);
}

TEST(Options, unknown_names_and_values_get_the_nearest_one) {
  EXPECT_EQ(refusal({"--exp", "texture", "--itertions", "5"}),
            "there is no option --itertions; did you mean --iterations?");
  EXPECT_EQ(refusal({"-exp", "texture"}), "there is no option -exp; did you mean --exp?");
  EXPECT_EQ(refusal({"--"}), "there is no option --");
  EXPECT_EQ(refusal({"--exp", "texture", "--langevin-steps", "5"}),
            "there is no option --langevin-steps, but a setting: --set langevin_steps=VALUE");
  EXPECT_EQ(refusal({"--exp", "texutre"}),
            "--exp takes texture, object, scene, digits or dynamic-texture, not 'texutre'; did you mean texture?");
  EXPECT_CONTAINS(refusal({"--bench", "digit"}), "did you mean digits?");
  EXPECT_EQ(refusal({"--exp", "scene", "--preset", "fast"}), "--preset takes quick or paper, not 'fast'");
  EXPECT_EQ(refusal({"--exp", "scene", "--epsilon", "1"}), "there is no option --epsilon");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--seed", "1", "--seed", "2"}), "--seed is given twice");
  EXPECT_EQ(parse({"--exp", "scene", "--set", "sigma=1", "--set", "sigma=2"}).settings.size(), 2u);
  EXPECT_EQ(refusal({"texture"}), "'texture' does not belong to any option; did you mean --exp texture?");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--resume", "elsewhere"}), "'elsewhere' does not belong to any option");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--set", "lagnevin_steps=3"}), "did you mean langevin_steps?");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--set", "sigma=x"}), "the setting sigma takes a number");
  EXPECT_EQ(refusal({"--exp", "scene", "--set", "sigma"}), "--set takes name=value, not 'sigma'");
  EXPECT_EQ(refusal({"--exp", "scene", "--set", "sigma=1", "b"}), "--set takes name=value, not 'b'");
}

TEST(Options, values_are_checked) {
  EXPECT_EQ(refusal({"--exp"}), "--exp needs a value: --exp NAME");
  EXPECT_EQ(refusal({"--data", "--resume"}), "--data needs a value: --data PATH");
  EXPECT_EQ(refusal({"--exp", "scene", "--resume=yes"}), "--resume takes no value");
  EXPECT_EQ(refusal({"--exp", "scene", "--data", ""}), "--data takes a value, not ''");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--complete="}), "takes a value");
  for (const char *bad : {"0", "-5", "1e3", "3.5", "x", "99999999999999999999"})
    EXPECT_CONTAINS(refusal({"--exp", "scene", "--iterations", bad}),
                    "--iterations takes a whole number from 1 on, not");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--seed", "-1"}), "--seed takes a whole number from 0 on");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--threads", "0"}), "--threads takes a whole number from 1 to 4096");
  for (const char *bad : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda0"})
    EXPECT_CONTAINS(refusal({"--exp", "scene", "--device", bad}), "--device takes auto, cpu, cuda or cuda:INDEX");
  for (const char *bad : {"0", "512x", "0x4", "axb", "65537x1"})
    EXPECT_CONTAINS(refusal({"--exp", "scene", "--sample", "1", "--size", bad}), "--size takes rows x columns");
  for (const char *bad : {"a/b", "..", "."})
    EXPECT_CONTAINS(refusal({"--exp", "scene", "--name", bad}), "--name takes");
  EXPECT_CONTAINS(refusal({"--exp", "scene", "--data", "a\nb"}), "control characters");
}

TEST(Options, impossible_combinations_are_refused) {
  EXPECT_CONTAINS(refusal({}), "nothing to do: name an experiment by --exp NAME");
  EXPECT_CONTAINS(refusal({"--seed", "1"}), "nothing to do");
  EXPECT_EQ(refusal({"--exp", "scene", "--resume", "--overwrite"}), "--resume and --overwrite exclude each other");
  EXPECT_EQ(refusal({"--exp", "scene", "--sample", "3", "--interpolate"}),
            "--sample and --interpolate exclude each other");
  EXPECT_EQ(refusal({"--exp", "scene", "--bench", "all"}), "--exp and --bench exclude each other");
  EXPECT_EQ(refusal({"--exp", "scene", "--sample", "3", "--resume"}), "--sample and --resume exclude each other");
  EXPECT_EQ(refusal({"--exp", "scene", "--size", "3x4"}), "--size goes with --sample");
  EXPECT_EQ(refusal({"--exp", "scene", "--mask", "m"}), "--mask goes with --complete or --evaluate");
  EXPECT_EQ(refusal({"--exp", "scene", "--splits", "5"}), "--splits goes with --evaluate, --compare or --table");
  EXPECT_EQ(refusal({"--exp", "scene", "--evaluate", "--statistics", "s.npz"}),
            "--statistics goes with --features, the net that they were made by");
  EXPECT_EQ(refusal({"--compare", "made", "--data", "real"}),
            "--compare goes with --features, the net that looks at the pictures");
  EXPECT_EQ(refusal({"--compare", "made", "--features", "f"}),
            "--compare goes with --data or --statistics, what they are compared with");
  EXPECT_EQ(refusal({"--exp", "scene", "--compare", "made"}), "--exp and --compare exclude each other");
  EXPECT_EQ(refusal({"--compare", "made", "--evaluate"}), "--evaluate and --compare exclude each other");
  EXPECT_EQ(refusal({"--exp", "scene", "--checkpoint", "c"}),
            "--checkpoint goes with --sample, --interpolate, --complete or --evaluate; --resume continues a run");
  EXPECT_EQ(refusal({"--exp", "scene", "--device", "cpu", "--precision", "tf32"}),
            "--precision tf32 needs a GPU; the CPU computes in fp32");
  EXPECT_NO_THROW(parse({"--exp", "scene", "--device", "cpu", "--precision", "fp32"}));
}

TEST(Options, what_an_action_has_no_use_for_is_refused) {
  for (const char *name : {"data", "preset", "seed", "algorithm", "category", "config", "out", "name", "log"}) {
    const bool takes_quick = std::string(name) == "preset", takes_cooperative = std::string(name) == "algorithm";
    const bool takes_file = std::string(name) == "config", takes_kind = std::string(name) == "log";
    const std::string value = takes_quick         ? "quick"
                              : takes_cooperative ? "cooperative"
                              : takes_file        ? "/dev/null"
                              : takes_kind        ? "text"
                                                  : "1";
    EXPECT_EQ(refusal({"--bench", "digits", "--" + std::string(name), value}),
              "--" + std::string(name) + " does nothing beside --bench");
  }
  EXPECT_EQ(refusal({"--compare", "made", "--data", "real", "--features", "f", "--set", "size=3"}),
            "--set does nothing beside --compare");
  EXPECT_EQ(refusal({"--exp", "scene", "--sample", "3", "--preset", "quick"}),
            "--preset does nothing beside --sample: leave it out, what was learned has its own");
  EXPECT_EQ(refusal({"--exp", "scene", "--interpolate", "--iterations", "3"}),
            "--iterations does nothing beside --interpolate: leave it out, what was learned has its own");
  EXPECT_EQ(refusal({"--exp", "scene", "--evaluate", "--algorithm", "descriptor"}),
            "--algorithm does nothing beside --evaluate: leave it out, what was learned has its own");
  EXPECT_NO_THROW(parse({"--exp", "dynamic-texture", "--evaluate", "--preset", "paper"}));
}

class Config : public FolderTest {
 protected:
  const std::string path = folder + "/config.txt";
  std::string bad(const std::string &text) const {
    write_atomically(path, text);
    return refusal({"--config", path});
  }
};

TEST_F(Config, repeats_the_run) {
  const Options first = parse({"--exp", "texture", "--data", "a = b #.png", "--seed", "9223372036854775807", "--preset",
                               "paper", "--name", "x", "--threads", "3", "--set", "sigma=0.1", "--iterations", "12",
                               "--overwrite", "--category", "tabby cat"});
  Settings preset;
  preset.descriptor_rate = 1. / 3;
  preset.descriptor = "FC_S";
  const Settings settings = settings_of(first, preset);
  write_atomically(path, config_text(first, settings));

  const Options again = parse({"--config", path});
  EXPECT_EQ(again.data, first.data);
  EXPECT_EQ(again.seed, first.seed);
  EXPECT_EQ(again.name, "x");
  EXPECT_EQ(again.threads, 3);
  EXPECT_FALSE(again.overwrite);
  EXPECT_EQ(print(settings_of(again, Settings())), print(settings));
  EXPECT_EQ(config_text(again, settings_of(again, Settings())), config_text(first, settings));

  // Read in another folder it finds the data where they were, unless others are named or the path leads somewhere.
  Options kept = first;
  kept.data_at = path;
  write_atomically(path, config_text(kept, settings));
  EXPECT_CONTAINS(read_file(path, 1 << 16), "\ndata=a = b #.png\ndata_at=" + path + "\n");
  EXPECT_EQ(parse({"--config", path}).data, path);
  EXPECT_EQ(parse({"--config", path, "--data", "none"}).data, "none");
  kept.data_at = folder + "/gone";
  write_atomically(path, config_text(kept, settings));
  EXPECT_EQ(parse({"--config", path}).data, first.data);

  // The command line overrides the file wherever it stands.
  const Options other =
      parse({"--seed", "2", "--set", "sigma=0.7", "--iterations", "5", "--config", path, "--name", "y"});
  EXPECT_EQ(other.seed, 2);
  EXPECT_EQ(other.name, "y");
  EXPECT_EQ(other.experiment, "texture");
  EXPECT_EQ(settings_of(other, Settings()).sigma, 0.7);
  EXPECT_EQ(settings_of(other, Settings()).iterations, 5);
  EXPECT_EQ(settings_of(other, Settings()).descriptor_rate, 1. / 3);

  // Its settings are whole, so that another preset would change nothing.
  EXPECT_EQ(parse({"--config", path, "--preset", "paper"}).preset, "paper");
  EXPECT_EQ(refusal({"--config", path, "--preset", "quick"}),
            "--preset quick would do nothing: " + path + " holds every setting, of the preset paper");
  EXPECT_NO_THROW(parse({"--config", path, "--evaluate"}));  // with the file's preset, iterations and algorithm
}

// A model that a GPU learned can be used anywhere.
TEST_F(Config, names_a_machine_for_runs_alone) {
  write_atomically(path, "exp=scene\nseed=4\ndevice=cuda:1\nprecision=bf16\nthreads=3\n");
  for (const Arguments &use :
       {Arguments{"--evaluate"}, Arguments{"--complete"}, Arguments{"--sample", "2"}, Arguments{"--interpolate"}}) {
    Arguments all = {"--config", path};
    all.insert(all.end(), use.begin(), use.end());
    const Options o = parse(all);
    EXPECT_EQ(o.seed, 4);
    EXPECT_EQ(o.device, "auto");
    EXPECT_EQ(o.precision, "");
    EXPECT_EQ(o.threads, 0);
    EXPECT_FALSE(o.is_given("device") || o.is_given("precision") || o.is_given("threads"));
    all.insert(all.end(), {"--device", "cpu"});
    EXPECT_EQ(parse(all).device, "cpu");
  }
  for (const Arguments &run : {Arguments{"--config", path}, Arguments{"--config", path, "--resume"}}) {
    const Options o = parse(run);
    EXPECT_EQ(o.device, "cuda:1");
    EXPECT_EQ(o.precision, "bf16");
    EXPECT_EQ(o.threads, 3);
    EXPECT_EQ(as_given(o, "device", o.device), "device=cuda:1 of " + path + " (--device changes it)");
  }
  EXPECT_EQ(refusal({"--config", path, "--resume", "--device", "cpu"}),
            "precision=bf16 of " + path + " (--precision changes it) needs a GPU; the CPU computes in fp32");
  const Options typed = parse({"--config", path, "--resume", "--device", "cpu", "--precision", "fp32"});
  EXPECT_EQ(as_given(typed, "device", "cpu"), "--device cpu");
  // A bad value is told all the same.
  write_atomically(path, "exp=scene\nthreads=none\n");
  EXPECT_CONTAINS(refusal({"--config", path, "--evaluate"}), path + ", line 2: threads takes a whole number");
}

TEST_F(Config, may_be_written_by_hand) {
  write_atomically(path, "# mine\r\n\n  exp = scene \r\nseed=4\n[settings]\n chains = 8\n# more\nsigma=0.5");
  const Options options = parse({"--config=" + path});
  EXPECT_EQ(options.experiment, "scene");
  EXPECT_EQ(options.seed, 4);
  EXPECT_EQ(settings_of(options, Settings()).chains, 8);
  EXPECT_EQ(settings_of(options, Settings()).sigma, 0.5);
}

TEST_F(Config, may_begin_by_a_byte_order_mark) {
  write_atomically(path, std::string("\xEF\xBB\xBF") + "exp=scene\nseed=4\n");
  const Options options = parse({"--config", path});
  EXPECT_EQ(options.experiment, "scene");
  EXPECT_EQ(options.seed, 4);
}

TEST_F(Config, names_the_bad_line) {
  EXPECT_EQ(bad("exp=scene\nsed=4\n"), path + ", line 2: there is no option 'sed'; did you mean seed?");
  EXPECT_CONTAINS(bad("exp=scene\n\nseed=x\n"), path + ", line 3: seed takes a whole number");
  EXPECT_CONTAINS(bad("exp=scene\nhello\n"), path + ", line 2: expected name=value, not 'hello'");
  EXPECT_CONTAINS(bad("exp=scene\nresume=true\n"), "the option resume belongs on the command line");
  EXPECT_CONTAINS(bad("exp=scene\nconfig=x\n"), "belongs on the command line");
  EXPECT_CONTAINS(bad("[settings]\nsgma=1\n"), path + ", line 2: there is no setting 'sgma'; did you mean sigma?");
  EXPECT_CONTAINS(bad("exp=\n"), "exp takes a value");
  EXPECT_CONTAINS(bad(std::string("exp=sc\0ene\n", 11)), "not 'sc?ene'; did you mean scene?");
  EXPECT_EQ(error_of([&] {
              parse({"--config", folder + "/none"});
            }),
            "could not read " + folder + "/none: No such file or directory");
  write_atomically(path, std::string(3 << 20, 'x'));
  EXPECT_CONTAINS(error_of([&] { parse({"--config", path}); }), "longer than");
}

TEST(Options, help_names_every_option_within_80_columns) {
  const std::string help = help_text(names);
  for (const char *option :
       {"exp",      "data",      "preset",     "iterations",  "seed",       "device",  "out",
        "resume",   "overwrite", "threads",    "precision",   "set",        "sample",  "size",
        "frames",   "save",      "checkpoint", "interpolate", "complete",   "mask",    "evaluate",
        "features", "samples",   "splits",     "algorithm",   "category",   "bench",   "list",
        "help",     "version",   "name",       "quiet",       "config",     "compare", "statistics",
        "log",      "json",      "dry-run",    "man",         "completion", "profile"})
    EXPECT_CONTAINS(help, std::string("  --") + option);
  EXPECT_CONTAINS(help, "dynamic-texture");
  for (size_t begin = 0; begin < help.size();) {
    const size_t end = help.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - begin, 80u) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

}  // namespace
}  // namespace coopnets
