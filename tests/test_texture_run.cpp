// Textures as the presets learn them: parts of a photograph, nets that pad nothing, the structure score.
#include <cmath>
#include <sstream>

#include "data/picture_files.h"
#include "experiments/text.h"
#include "metrics/structure.h"
#include "program.h"

namespace coopnets {
namespace {

class TextureRun : public FolderTest {
 protected:
  Arguments with(const std::string &name, const Arguments &more) const {
    return Arguments{"--exp", "texture", "--out", folder, "--name", name, "--threads", "1"} + more;
  }
  Outcome train(const std::string &name, int iterations, const Arguments &more = {},
                const std::string &photograph = "datasets/texture/brick.png") const {
    const Arguments fixed = {
        "--algorithm", "cooperative", "--data",           photograph,     "--iterations", std::to_string(iterations),
        "--set",       "size=64",     "langevin_steps=2", "cold_steps=1", "halvings=0",   "averaging=0"};
    return run_program(with(name, fixed + more));
  }
  std::string path(const std::string &name, const std::string &file) const {
    return folder + "/texture/" + name + '/' + file;
  }
  std::vector<std::vector<std::string>> log(const std::string &name) const {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(read_file(path(name, "log.csv")));
    for (std::string line; std::getline(lines, line);) {
      rows.emplace_back();
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
    }
    return rows;
  }
};

TEST_F(TextureRun, shows_no_border_and_is_scored) {
  const Outcome o = train("run", 3);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(o.out, "1x1x82x82x3");  // with the border
  EXPECT_CONTAINS(o.out, "structure score after 3 iterations: generator ");
  for (const char *file :
       {"observed.png", "samples/iteration_000003_generator.png", "samples/iteration_000003_descriptor.png"}) {
    const Image shown = load_image(path("run", file)), one = on_sheet(path("run", file), 64, 64);
    EXPECT_EQ(shown.width, 512) << file;
    EXPECT_EQ(crop(shown, label_height(512), 0, 512, 512), resize(one, 512, 512, Resize::nearest)) << file;
  }
  // Of the middle of the photograph, by the log and as the samples show it.
  const auto rows = log("run");
  ASSERT_EQ(rows.size(), 4u);
  const size_t column = size_t(std::find(rows[0].begin(), rows[0].end(), "structure_descriptor") - rows[0].begin());
  ASSERT_LT(column, rows[0].size());
  EXPECT_EQ(rows[1][column], "nan");
  EXPECT_EQ(rows[2][column], "nan");
  const Image photograph = load_image("datasets/texture/brick.png", 3);
  std::vector<real> stretched(photograph.pixels.size());
  to_reals(photograph.pixels.data(), photograph.size(), Normalise::stretch, stretched.data());
  const StructureScore structure(to_image(stretched.data(), photograph.height, photograph.width, 3), 64);
  const Image revised = on_sheet(path("run", "samples/iteration_000003_descriptor.png"), 64, 64);
  EXPECT_NEAR(*parse_number(rows[3][column]), structure.score(structure.compare(revised).distance), 1e-9);

  const Outcome evaluated = run_program(with("run", {"--evaluate", "--samples", "2"}));
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  for (const char *part :
       {"\n  generator ", "\n  descriptor ", "\n  other parts of the observed ", "in windows of 64 pixels"})
    EXPECT_CONTAINS(evaluated.out, part);
  ASSERT_EQ(run_program(with("run", {"--sample", "2"})).status, 0);
  double mean = 0;
  for (const char *file : {"sampled/generator_000000.png", "sampled/generator_000001.png"})
    mean += structure.score(structure.compare(load_image(path("run", file), 3)).distance) / 2;
  const std::string report = read_file(path("run", "evaluation.json"));
  EXPECT_NEAR(reported(report, "Likeness", "generator", "structure"), mean, 1e-6);
  EXPECT_NEAR(reported(report, "Likeness", "other parts of the observed", "structure"), 1, 1e-9);
}

TEST_F(TextureRun, samples_have_any_size) {
  ASSERT_EQ(train("run", 1).status, 0);
  for (const auto &[height, width] : {std::pair<int, int>{64, 64}, {70, 133}, {129, 47}}) {
    const Outcome o =
        run_program(with("run", {"--sample", "1", "--size", std::to_string(height) + "x" + std::to_string(width)}));
    EXPECT_EQ(o.status, 0) << o.err;
    EXPECT_EQ(o.err, "");
    for (const char *file : {"sampled/generator_000000.png", "sampled/descriptor_000000.png"}) {
      const Image made = load_image(path("run", file));
      EXPECT_EQ(made.height, height) << file;
      EXPECT_EQ(made.width, width) << file;
    }
  }
}

TEST_F(TextureRun, walks_show_no_border) {
  ASSERT_EQ(train("run", 1).status, 0);
  ASSERT_EQ(run_program(with("run", {"--interpolate"})).status, 0);
  EXPECT_EQ(load_image(path("run", "interpolation/lines.png")).width, 8 * 64 + 7 * 2);
}

// It is warned about, and has no structure that could be scored.
TEST_F(TextureRun, of_one_colour) {
  save_png(folder + "/flat.png", Image(120, 120, 3));
  const Outcome o = train("flat", 1, {}, folder + "/flat.png");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.err, "of one colour");
  EXPECT_FALSE(contains(read_file(path("flat", "log.csv")), "structure"));
}

// Which parts are observed follows from the seed and the iteration.
TEST_F(TextureRun, resumes_exactly) {
  const auto checkpoint = [&](const char *name) { return read_file(path(name, "checkpoint.safetensors"), 1 << 28); };
  ASSERT_EQ(train("straight", 4, {"batch=2"}).status, 0);
  ASSERT_EQ(train("run", 2, {"batch=2"}).status, 0);
  EXPECT_FALSE(checkpoint("run") == checkpoint("straight"));
  ASSERT_EQ(train("run", 4, {"batch=2", "--resume"}).status, 0);
  EXPECT_TRUE(checkpoint("run") == checkpoint("straight"));
}

}  // namespace
}  // namespace coopnets
