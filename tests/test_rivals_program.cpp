// The rivals by the program's own commands: trained, resumed, sampled.
#include <fstream>

#include "program.h"
#include "rivals/rival.h"

namespace coopnets {
namespace {

class RivalRuns : public FolderTest {
 protected:
  // Rings and strokes of 28x28.
  RivalRuns() {
    std::filesystem::create_directories(folder + "/data");
    for (int k = 0; k < 64; ++k) {
      Image image(28, 28, 1);
      for (int64_t y = 0; y < 28; ++y)
        for (int64_t x = 0; x < 28; ++x) {
          const double radius = std::hypot(double(x) - 10 - k % 8, double(y) - 10 - k / 8);
          image.at(y, x)[0] = uint8_t(k % 2 == 0              ? (radius > 5 && radius < 8 ? 250 : 0)
                                      : (x - k % 20) / 3 == 0 ? 230
                                                              : 5);
        }
      save_png(folder + "/data/" + std::to_string(100 + k) + ".png", image);
    }
  }
  // Settings that the rival does not use would be refused.
  Arguments train(const std::string &rival, int iterations, const std::string &name, int threads = 1) const {
    Arguments all = {"--exp",
                     "digits",
                     "--data",
                     folder + "/data",
                     "--algorithm",
                     rival,
                     "--out",
                     folder,
                     "--name",
                     name,
                     "--quiet",
                     "--iterations",
                     std::to_string(iterations),
                     "--threads",
                     std::to_string(threads),
                     "--set",
                     "width=4",
                     "batch=6",
                     "examples=40",
                     "held_out=20",
                     "halvings=0",
                     "averaging=0"};
    if (!find_rival(rival)->chain) all = all + Arguments{"chains=6", "latent=14"};
    if (rival == "cdrl") all = all + Arguments{"levels=3"};
    return all;
  }
  std::string checkpoint(const std::string &name) const {
    return read_file(folder + "/digits/" + name + "/checkpoint.safetensors", size_t{1} << 27);
  }
};

TEST_F(RivalRuns, ResumeExactlyAndAreSampled) {
  for (const Rival &rival : rivals()) {
    SCOPED_TRACE(rival.name);
    expect_success(train(rival.name, 4, rival.name));
    expect_success(train(rival.name, 2, "stopped", 2) + Arguments{"--overwrite"});
    // What is laid over the run (GAN's momentum, the layers of a stack) is another in a longer one.
    if (rival.name != "gan" && rival.name != "dbn" && rival.name != "cae") {
      expect_success(train(rival.name, 4, "stopped", 2) + Arguments{"--resume"});
      EXPECT_TRUE(checkpoint("stopped") == checkpoint(rival.name));
    }
    // A chain that has learned for so short may say that its samples are alike.
    const Outcome o =
        run_program({"--exp", "digits", "--out", folder, "--name", rival.name, "--sample", "3", "--quiet"});
    EXPECT_EQ(o.status, 0) << o.err;
    const std::string sampled = folder + "/digits/" + rival.name + "/sampled/";
    EXPECT_EQ(std::filesystem::exists(sampled + "descriptor.png"), rival.name == "cdrl") << "an energy's samples";
    EXPECT_EQ(std::filesystem::exists(sampled + "generator.png"), rival.name != "cdrl");
  }
}

TEST_F(RivalRuns, AreNamedWhereTheyDoNotFit) {
  EXPECT_CONTAINS(failure_of({"--exp", "texture", "--algorithm", "dcgan", "--out", folder}),
                  "it has no experiment 'texture'");
  EXPECT_CONTAINS(failure_of({"--exp", "cifar10", "--algorithm", "gsn", "--out", folder}), "it learns digits");
  EXPECT_CONTAINS(failure_of({"--exp", "digits", "--algorithm", "dcgam", "--out", folder}, 2), "did you mean");
}

TEST_F(RivalRuns, RefuseSettingsThatTheyDoNotUse) {
  const auto refused = [&](const std::string &rival, const std::string &setting) {
    return failure_of(
        {"--exp", "digits", "--data", folder + "/data", "--out", folder, "--algorithm", rival, "--set", setting}, 2);
  };
  EXPECT_CONTAINS(
      refused("dcgan", "langevin_steps=4"),
      "the setting langevin_steps does nothing with --algorithm dcgan, as it does with cooperative or cdrl");
  EXPECT_CONTAINS(refused("vae", "critic_steps=2"),
                  "the setting critic_steps does nothing with --algorithm vae, as it does with wgan");
  EXPECT_CONTAINS(refused("dbn", "sigma=2"), "the setting sigma does nothing with --algorithm dbn");
  EXPECT_CONTAINS(refused("dcgan", "generator_steps=4"), "did you mean generator_rate?");
  EXPECT_CONTAINS(refused("cooperative", "clip=1"), "the setting clip does nothing with --algorithm cooperative");
}

// A stack's samples come from its last layer, which begins late in the run.
TEST_F(RivalRuns, SamplesOfALayerThatHasNotLearnedAreSaidToBe) {
  for (const auto &[rival, begins] : {std::pair<std::string, int>{"dbn", 6}, {"cae", 5}}) {
    expect_success(train(rival, 9, rival));
    const std::string file = folder + "/digits/" + rival + "/checkpoint.safetensors";
    const auto sampled_after = [&](int iteration) {
      std::string bytes = read_file(file, size_t{1} << 27);
      const size_t at = bytes.find("\"iteration\":\"");
      bytes.replace(at + 13, 1, std::to_string(iteration));
      const std::string changed = folder + "/changed.safetensors";
      std::ofstream(changed, std::ios::binary) << bytes;
      return run_program({"--exp", "digits", "--checkpoint", changed, "--sample", "1"}).err;
    };
    EXPECT_CONTAINS(sampled_after(begins), "begins to learn after " + std::to_string(begins) +
                                               " of the run's 9 iterations, and " + std::to_string(begins) +
                                               " are done");
    EXPECT_FALSE(contains(sampled_after(begins + 1), "begins to learn"));
  }
}

// What is laid over the run is another in a longer one.
TEST_F(RivalRuns, OneThatIsLaidOverTheRunIsNotMadeLonger) {
  expect_success(train("dbn", 3, "run"));
  EXPECT_CONTAINS(failure_of(train("dbn", 6, "run") + Arguments{"--resume"}),
                  "was made with length '3 iterations', not '6 iterations'");
  const std::string sampled = folder + "/digits/run/sampled/generator.npy";
  const auto sample = [&](const std::string &steps) {
    expect_success({"--exp", "digits", "--out", folder, "--name", "run", "--sample", "2", "--save", "npy", "--quiet",
                    "--set", "sample_steps=" + steps});
    return read_file(sampled, size_t{1} << 24);
  };
  EXPECT_FALSE(sample("2") == sample("9"));  // the chain takes as many steps as it is told now
}

TEST_F(RivalRuns, DamagedCheckpointsAreRefused) {
  const auto damaged = [&](const std::string &rival, const std::string &before, const std::string &after) {
    expect_success(train(rival, 1, rival) + Arguments{"--overwrite"});
    const std::string file = folder + "/digits/" + rival + "/checkpoint.safetensors";
    std::string bytes = read_file(file, size_t{1} << 27);
    const size_t at = bytes.find(before);
    EXPECT_NE(at, std::string::npos) << before;
    EXPECT_EQ(before.size(), after.size());
    bytes.replace(at, before.size(), after);
    std::ofstream(file, std::ios::binary) << bytes;
    return failure_of({"--exp", "digits", "--checkpoint", file, "--sample", "1"});
  };
  EXPECT_CONTAINS(damaged("gsn", "width=4\\u000a", "width=5\\u000a"), "its settings do not fit its first layer");
  EXPECT_CONTAINS(damaged("dbn", "batch=6\\u000a", "batch=9\\u000a"), "its settings do not fit its chains");
  EXPECT_CONTAINS(damaged("dcgan", "width=4\\u000a", "width=9\\u000a"), "its settings do not fit its tensor");
  EXPECT_CONTAINS(damaged("dcgan", "\"discriminator.0.filters\"", "\"discriminator.0.filterz\""),
                  "it lacks the tensor 'discriminator.0.filters'");
  EXPECT_CONTAINS(damaged("vae", "\"algorithm\":\"vae\"", "\"algorithm\":\"vaf\""), "there is no algorithm 'vaf'");
}

}  // namespace
}  // namespace coopnets
