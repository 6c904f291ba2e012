// --table: rows learned, evaluated and shown side by side; what is there is not learned again; a row that fails says so.
#include <fstream>

#include "program.h"

namespace coopnets {
namespace {

class PaperTable : public FolderTest {
 protected:
  Arguments table(const std::string &rows) const {
    return {"--table",
            "4",
            "--data",
            folder + "/pictures",
            "--out",
            folder,
            "--rows",
            rows,
            "--threads",
            "1",
            "--set",
            "size=32",
            "generator=small-32",
            "descriptor=small-32",
            "width=4",
            "batch=4",
            "chains=4",
            "latent=4",
            "held_out=1",
            "hidden_square=8",
            "halvings=0",
            "averaging=0",
            "inference_steps=4",
            "iterations=3"};
  }
  PaperTable() {
    std::filesystem::create_directories(folder + "/pictures");
    for (int k = 0; k < 12; ++k) {
      Image image(32, 32, 3);
      for (int64_t y = 0; y < 32; ++y)
        for (int64_t x = 0; x < 32; ++x)
          for (int64_t c = 0; c < 3; ++c) image.at(y, x)[c] = uint8_t((x * (k + 1) + y * 3 + 40 * c) % 256);
      save_png(folder + "/pictures/" + std::to_string(k) + ".png", image);
    }
  }
  std::string text(const std::string &file) const { return read_file(folder + '/' + file, size_t{1} << 24); }
};

TEST_F(PaperTable, LearnsEvaluatesAndShowsItsRows) {
  const Outcome first = run_program(table("cooperative,dcgan"));
  ASSERT_EQ(first.status, 0) << first.err;
  for (const char *row : {"CoopNets ", "DCGAN (Radford, Metz, Chintala 2016) ",
                          "DCGAN (Radford, Metz, Chintala 2016), with its discriminator", "inter-3"}) {
    EXPECT_CONTAINS(first.out, row);
    EXPECT_CONTAINS(text("table-4.txt"), row);
  }
  EXPECT_CONTAINS(text("table-4.json"), "\"name\": \"DCGAN (Radford, Metz, Chintala 2016)\"");
  // Three iterations of four examples: G0, two Langevin steps, D2 of all, G2; and eight sweeps of each.
  EXPECT_EQ(reported(text("table-4.json"), "Completion", "CoopNets", "passes"), 3 * 4 * (1 + 2 * 2 + 2 * 2 + 1));
  EXPECT_EQ(reported(text("table-4.json"), "Completion", "DCGAN (Radford, Metz, Chintala 2016)", "passes"), 3 * 4 * 8);
  EXPECT_EQ(reported(text("table-4.json"), "Completion", "DCGAN (Radford, Metz, Chintala 2016)", "iterations"), 3);
  EXPECT_TRUE(std::isnan(reported(text("table-4.json"), "Completion", "inter-3", "passes")));
  EXPECT_CONTAINS(text("table-4.html"), "passes: of a net over an example in learning, forwards or backwards");
  const std::string page = text("table-4.html");
  EXPECT_CONTAINS(page, "<h2>DCGAN (Radford, Metz, Chintala 2016)</h2>");
  EXPECT_CONTAINS(page, "data:image/png;base64,");

  // A second call learns nothing again and prints the same numbers.
  const std::string checkpoint = "completion/table-4-dcgan/checkpoint.safetensors", before = text(checkpoint);
  const Outcome second = run_program(table("cooperative,dcgan"));
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_CONTAINS(second.out, "already has its 3 iterations");
  EXPECT_TRUE(text(checkpoint) == before);
}

// Each seed's run has a folder of its own, seed 1 the one that a table without seeds has.
TEST_F(PaperTable, ShowsTheMeanAndTheSpreadOfSeeds) {
  const Outcome alone = run_program(table("dcgan"));
  ASSERT_EQ(alone.status, 0) << alone.err;
  const Outcome both = run_program(table("dcgan") + Arguments{"--seeds", "1,2"});
  ASSERT_EQ(both.status, 0) << both.err;
  EXPECT_CONTAINS(both.out, "table-4-dcgan already has its 3 iterations");
  const std::string name = "DCGAN (Radford, Metz, Chintala 2016)", column = "M8";
  const auto of_run = [&](const std::string &folder) {
    return reported(text("completion/" + folder + "/evaluation.json"), "Completion", name, column);
  };
  const auto of_table = [&](const std::string &row) {
    return reported(text("table-4.json"), "Completion", name + row, column);
  };
  const double first = of_run("table-4-dcgan"), second = of_run("table-4-dcgan-seed-2");
  ASSERT_NE(first, second);
  EXPECT_NEAR(of_table(", mean of seeds 1, 2"), (first + second) / 2, 1e-9);
  EXPECT_NEAR(of_table(", +- between seeds"), std::abs(first - second) / std::sqrt(2.), 1e-9);
  EXPECT_CONTAINS(text("table-4.html"), "<h2>" + name + ", seed 2</h2>");
  const Outcome again = run_program(table("dcgan") + Arguments{"--seeds", "1,2"});
  EXPECT_CONTAINS(again.out, "table-4-dcgan-seed-2 already has its 3 iterations");
}

TEST_F(PaperTable, SaysWhichRowFailed) {
  const Outcome o = run_program(table("infogan,dcgan"));  // its codes take more than four latent channels
  EXPECT_EQ(o.status, 1);
  EXPECT_CONTAINS(o.err, "InfoGAN (Chen et al. 2016): infogan needs more latent channels");
  EXPECT_CONTAINS(text("table-4.txt"), "InfoGAN (Chen et al. 2016): failed");
  EXPECT_CONTAINS(text("table-4.txt"), "DCGAN (Radford, Metz, Chintala 2016)");
}

TEST_F(PaperTable, RefusesWhatItCannotDo) {
  EXPECT_CONTAINS(failure_of({"--table", "1", "--data", folder}, 2), "--table 1 needs --features FILE");
  EXPECT_CONTAINS(failure_of({"--table", "5"}, 2), "--table takes a whole number from 1 to 4");
  EXPECT_CONTAINS(failure_of({"--table", "2", "--rows", "dcgam"}, 2), "there is no algorithm 'dcgam'");
  EXPECT_CONTAINS(failure_of({"--table", "2", "--counts", "50,x"}, 2), "--counts takes numbers of pictures, not 'x'");
  EXPECT_CONTAINS(failure_of({"--table", "2", "--seeds", "1,1"}, 2), "--seeds has 1 twice");
  EXPECT_CONTAINS(failure_of({"--table", "2", "--seeds", "1,-2"}, 2), "--seeds takes whole numbers, not '-2'");
  EXPECT_CONTAINS(failure_of({"--table", "2", "--seeds", "1", "--seed", "3"}, 2), "exclude each other");
  EXPECT_CONTAINS(failure_of({"--table", "2", "--rows", "gan,dbn", "--set", "clip=1"}, 2),
                  "the setting clip does nothing in any row of this table");
  EXPECT_CONTAINS(failure_of({"--exp", "digits", "--rows", "gan"}, 2), "--rows goes with --table");
}

}  // namespace
}  // namespace coopnets
