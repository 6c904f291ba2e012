// report.html: pictures, curves and verdict of a run in one file.
#include "app/run_report.h"

#include <cmath>

#include "data/picture_files.h"
#include "experiments/text.h"
#include "program.h"

namespace coopnets {
namespace {

// As RFC 4648 has it, a bit at a time.
std::string base64_of(const std::string &bytes) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bits, out;
  for (const char c : bytes)
    for (int bit = 7; bit >= 0; --bit) bits += (uint8_t(c) >> bit & 1) ? '1' : '0';
  while (bits.size() % 6) bits += '0';
  for (size_t i = 0; i < bits.size(); i += 6) out += letters[std::stoul(bits.substr(i, 6), nullptr, 2)];
  while (out.size() % 4) out += '=';
  return out;
}

int64_t count(const std::string &text, const std::string &part) {
  int64_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

class RunReport : public ProgramTest {};

TEST_F(RunReport, holds_every_sheet_and_every_column) {
  const Outcome o = run_program(train(3));
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, path("report.html"));
  const std::string page = read_file(path("report.html"), size_t{1} << 26);
  EXPECT_CONTAINS(page, "<h1>texture: run</h1>\n<p>3 iterations in ");
  EXPECT_CONTAINS(page, base64_of(read_file(path("observed.png"))));
  for (const char *kind : {"generator", "descriptor"})
    for (const char *iteration : {"1", "2", "3"})
      EXPECT_CONTAINS(
          page, base64_of(read_file(path(std::string("samples/iteration_00000") + iteration + '_' + kind + ".png"))));
  EXPECT_CONTAINS(page, "const iterations=[1,2,3],");
  EXPECT_CONTAINS(page, "<img alt=\"observed\" width=\"512\" src=");  // 32 pixels, each as large as the others
  EXPECT_CONTAINS(page, "<img id=\"sheet-descriptor\" alt=\"descriptor\" width=\"512\">");
  for (const char *column : {"energy_observed", "energy_initial", "energy_revised", "gradient", "reconstruction",
                             "acceptance", "drift", "seconds"})
    EXPECT_EQ(count(page, std::string(">") + column + "</text>"), 1) << column;
  EXPECT_CONTAINS(page, "\nlangevin_steps=2\n");
  EXPECT_FALSE(contains(page, "nan")) << "places of points are numbers";
  EXPECT_EQ(count(page, "src=\"http") + count(page, "href"), 0) << "nothing is fetched";

  // A resumed run goes on with it; another run by its name takes it away.
  expect_success(train(5) + Arguments{"--resume"});
  EXPECT_CONTAINS(read_file(path("report.html"), size_t{1} << 26), "const iterations=[1,2,3,5],");
}

TEST_F(RunReport, has_its_verdict_also_where_the_run_is_watched) {
  const Outcome o = run_program(train(8));
  const std::string said = verdict(read_curves(path("log.csv")));
  EXPECT_CONTAINS(said, ": the energies of observed and revised examples differ by ");
  EXPECT_CONTAINS(o.out, said + "\ndone in ");
  EXPECT_CONTAINS(read_file(path("report.html"), size_t{1} << 26), said);
  // The lines of a longer one have its word from the tenth iteration on: from eight on there is one.
  expect_success(train(10) + Arguments{"--resume"});
  const std::string word = verdict_word(verdict(read_curves(path("log.csv"))));
  const std::string lines = run_program(train(20) + Arguments{"--resume", "--log", "json"}).out;
  EXPECT_CONTAINS(lines, "\"verdict\": \"" + word + "\"");
  EXPECT_FALSE(contains(o.out, "  " + verdict_word(said) + "  ")) << "of less than eight iterations";
}

TEST_F(RunReport, that_cannot_be_written_ends_no_run) {
  expect_success(train(1));
  std::filesystem::remove(path("report.html"));
  std::filesystem::create_directories(path("report.html/in_the_way"));
  const Outcome o = run_program(train(2) + Arguments{"--resume"});
  EXPECT_EQ(o.status, 0);
  EXPECT_CONTAINS(o.err, "no report.html: ");
  EXPECT_EQ(SafetensorsFile(path("checkpoint.safetensors")).metadata().at("iteration"), "2");
}

TEST_F(RunReport, what_people_type_is_no_markup) {
  std::filesystem::create_directories(folder + "/run");
  write_atomically(folder + "/run/log.csv", "iteration,energy_observed,seconds\n1,5,0.5\n2,nan,0.5\n3,7,0.25\n4,8");
  write_atomically(folder + "/run/config.txt", "data=<script>alert(1)</script>&\"\n");
  const std::string page = run_report(folder + "/run", "a <b>");
  EXPECT_CONTAINS(page, "<h1>a &lt;b&gt;</h1>\n<p>3 iterations in 1.25 s.</p>");
  EXPECT_CONTAINS(page, "data=&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;");
  EXPECT_EQ(count(page, "<script>"), 0) << "there are no pictures to move through";
  // Points at iterations 1 and 3 alone, the larger value on top.
  EXPECT_CONTAINS(page, "points=\"70.0,194.0 630.0,24.0 \"");
}

TEST(Curves, of_a_long_run_have_few_points) {
  TemporaryFolder folder;
  std::string log = "iteration,gradient,seconds\n";
  for (int i = 1; i <= 10000; ++i) log += std::to_string(i) + "," + std::to_string(i % 2) + ",1\n";
  write_atomically(folder / "log.csv", log);
  write_atomically(folder / "config.txt", "");
  EXPECT_EQ(read_curves(folder / "log.csv").iterations.size(), 10000u);
  const std::string page = run_report(folder.path, "x");
  const size_t at = page.find("points=\""), end = page.find('"', at + 8);
  EXPECT_EQ(count(page.substr(at, end - at), ","), 400);
}

TEST(Curves, a_spike_is_cut_off) {
  TemporaryFolder folder;
  std::string log = "iteration,gradient,seconds\n";
  for (int i = 1; i <= 200; ++i) log += std::to_string(i) + "," + (i == 7 ? "1e9" : std::to_string(i % 2)) + ",1\n";
  write_atomically(folder / "log.csv", log);
  write_atomically(folder / "config.txt", "");
  const std::string page = run_report(folder.path, "x");
  EXPECT_CONTAINS(page, "text-anchor=\"end\">1</text>");
  EXPECT_FALSE(contains(page, "1e+09"));
}

// Energies of observed examples are 100; the gap is given.
std::string of_gaps(const std::function<double(int)> &gap) {
  Curves curves{{"energy_observed", "energy_revised"}, {}, {{}, {}}};
  for (int i = 0; i < 40; ++i) {
    curves.iterations.push_back(i + 1);
    curves.values[0].push_back(100);
    curves.values[1].push_back(100 - gap(i));
  }
  return verdict(curves);
}

TEST(Curves, verdict_has_its_numbers_behind_it) {
  EXPECT_EQ(
      of_gaps([](int i) { return i < 20 ? 40. : 5.; }),
      "approaching: the energies of observed and revised examples differ by 40 % of their size in the first quarter "
      "of the run and by 5 % in the last, where that varies by 0 %");
  EXPECT_EQ(of_gaps([](int i) { return i < 20 ? 4. : 40.; }).find("diverging: "), 0u);
  EXPECT_EQ(of_gaps([](int i) { return i < 20 ? 10. : i % 2 ? 30. : -30.; }).find("swinging: "), 0u);
  EXPECT_EQ(of_gaps([](int i) { return i < 20 ? 10. : NAN; }), "");
  EXPECT_EQ(verdict({{"loss", "seconds"}, {1, 2}, {{1, 2}, {1, 1}}}), "");
}

}  // namespace
}  // namespace coopnets
