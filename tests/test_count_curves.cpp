// Curves over the number of training pictures: which points are drawn, and what --table --counts makes of them.
#include "app/count_curves.h"

#include <cmath>
#include <fstream>
#include <set>

#include "app/run_report.h"
#include "program.h"

namespace coopnets {
namespace {

CountedTables run(int64_t count, double generator, double descriptor, double training) {
  return {count,
          {{"Category cat (Figure 3)",
            {"softmax probability", "top-1 error"},
            {{"CoopNets, generator", {generator, NAN}},
             {"CoopNets, descriptor", {descriptor, NAN}},
             {"training pictures", {training, 0.5}}},
            {}}}};
}

size_t times(const std::string &text, const std::string &part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The chart is 560 wide from 70 on and 170 high from 24 on. Values go from 0 to 1 and numbers from 5 to 25, so that 15
// is in the middle.
TEST(CountCurves, AreOneLineForEachRowOfEachColumn) {
  const std::string svg = count_curves({run(5, 0, 0.5, 1), run(15, 0.5, 0.5, 1), run(25, 1, 0.5, 1)});
  EXPECT_CONTAINS(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
  EXPECT_CONTAINS(svg, ">Category cat (Figure 3): softmax probability, by pictures learned</text>");
  EXPECT_CONTAINS(svg, ">CoopNets, generator</text>");
  EXPECT_CONTAINS(svg, "points=\"70.0,194.0 350.0,109.0 630.0,24.0 \"");  // 0, 1/2, 1
  EXPECT_CONTAINS(svg, "points=\"70.0,109.0 350.0,109.0 630.0,109.0 \"");
  EXPECT_CONTAINS(svg, "points=\"70.0,24.0 350.0,24.0 630.0,24.0 \"");
  EXPECT_EQ(times(svg, "<polyline"), 4u);  // and the training pictures' of the second column, which nobody else has
  EXPECT_EQ(times(svg, "<svg"), times(svg, "</svg>"));
}

TEST(CountCurves, AreMeansOverSeedsAndNeedTwoNumbers) {
  EXPECT_EQ(count_curves({run(5, 0, 0, 0), run(5, 1, 1, 1)}), "");
  EXPECT_EQ(count_curves({}), "");
  EXPECT_EQ(count_curves(std::vector<CountedTables>{{5, {}}, {10, {}}}), "") << "rows that failed";
  const std::string svg = count_curves({run(5, 0, 0, 0), run(5, 1, 1, 1), run(10, 1, 0, 1)});
  EXPECT_CONTAINS(svg, "points=\"70.0,109.0 630.0,24.0 \"");   // 1/2, 1
  EXPECT_CONTAINS(svg, "points=\"70.0,109.0 630.0,194.0 \"");  // 1/2, 0
}

// Eight systems do not fit into one row of names, and each has a colour that no other has.
TEST(Chart, NamesOfManyLinesTakeSeveralRows) {
  Curves curves;
  curves.iterations = {0, 1};
  for (int i = 0; i < 8; ++i) {
    curves.columns.push_back("a system with a name " + std::to_string(i));
    curves.values.push_back({double(i), 1});
  }
  const std::string svg = chart(curves, 0, 8);
  std::set<std::string> colours, places;
  for (size_t at = 0; (at = svg.find("stroke=\"#", at)) != std::string::npos; ++at) colours.insert(svg.substr(at, 16));
  for (size_t at = 0; (at = svg.find("<text x=\"", at)) != std::string::npos; ++at) {
    const std::string name = svg.substr(at, svg.find("</text>", at) - at);
    if (name.find("font-size=\"13\"") == std::string::npos) continue;
    places.insert(name.substr(0, name.find("font-size")));
    EXPECT_LE(std::stod(name.substr(9)) + 7.5 * double(curves.columns[0].size()), 640) << name;
  }
  EXPECT_EQ(colours.size(), 8u);
  EXPECT_EQ(places.size(), 8u);
  EXPECT_CONTAINS(svg, "points=\"70.0,194.0");  // 0, and 7 below the last of three rows of names
  EXPECT_CONTAINS(svg, "points=\"70.0,56.0");
}

class CountCurvesOfATable : public FolderTest {};

// Figure 3 by one command: three pictures are too few for fifth neighbours, and for curves they are enough.
TEST_F(CountCurvesOfATable, FigureThreeIsDrawn) {
  for (const char *category : {"dark", "light"}) {
    std::filesystem::create_directories(folder + "/pictures/" + category);
    for (int k = 0; k < 12; ++k) {
      Image image(16, 16, 3);
      for (size_t i = 0; i < image.pixels.size(); ++i)
        image.pixels[i] = uint8_t((i * size_t(k + 3)) % 100 + (category[0] == 'l' ? 150 : 0));
      save_png(folder + "/pictures/" + category + '/' + std::to_string(k) + ".png", image);
    }
  }
  const Outcome classifier = run_program({"--exp", "classifier", "--data", folder + "/pictures", "--out", folder,
                                          "--threads", "1", "--iterations", "20", "--set", "size=16", "batch=8"});
  ASSERT_EQ(classifier.status, 0) << classifier.err;
  const Outcome o = run_program({"--table",
                                 "1",
                                 "--exp",
                                 "object",
                                 "--data",
                                 folder + "/pictures/dark",
                                 "--out",
                                 folder,
                                 "--features",
                                 folder + "/classifier/pictures/checkpoint.safetensors",
                                 "--rows",
                                 "cooperative",
                                 "--counts",
                                 "3,9",
                                 "--samples",
                                 "12",
                                 "--splits",
                                 "2",
                                 "--threads",
                                 "1",
                                 "--set",
                                 "size=32",
                                 "descriptor=small-32",
                                 "generator=small-32",
                                 "batch=3",
                                 "chains=3",
                                 "iterations=2"});
  ASSERT_EQ(o.status, 0) << o.err;
  const auto text = [&](const char *file) { return read_file(folder + '/' + file, size_t{1} << 24); };
  EXPECT_CONTAINS(o.out, "no scores of features: they need 6 training pictures or more");
  EXPECT_CONTAINS(o.out, "CoopNets, n = 3, descriptor");
  for (const char *file : {"table-1.svg", "table-1.html"}) {
    EXPECT_CONTAINS(text(file), "Category dark (Figure 3): softmax probability, by pictures learned");
    EXPECT_CONTAINS(text(file), "Structural similarity of pairs");
  }
}

}  // namespace
}  // namespace coopnets
