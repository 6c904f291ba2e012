#include "app/report.h"

#include <cmath>
#include <limits>

#include "files.h"

namespace coopnets {
namespace {

TEST(Report, a_table_is_aligned_and_keeps_four_digits) {
  const Table table{"Title", {"sigma", "score"}, {{"a", {0.16681, 226.04}}, {"longer", {NAN, -1234.5}}}, {"a note"}};
  EXPECT_EQ(table_text(table),
            "Title\n"
            "           sigma     score\n"
            "  a       0.1668    226.04\n"
            "  longer       -  -1234.50\n"
            "  (a note)\n");
}

TEST(Report, json_holds_numbers_that_read_back_and_escapes_texts) {
  const Table table{"T \"1\"", {"x", "y"}, {{"a\n", {0.1, std::numeric_limits<double>::infinity()}}}, {"n\\"}};
  EXPECT_EQ(report_json({{"experiment", "digits"}, {"seed", 7}}, {table, {"empty", {}, {}, {}}}),
            "{\n  \"experiment\": \"digits\",\n  \"seed\": 7,\n  \"tables\": [\n"
            "    {\"title\": \"T \\\"1\\\"\",\n     \"rows\": [\n"
            "       {\"name\": \"a\\u000a\", \"x\": 0.1, \"y\": null}],\n     \"notes\": [\"n\\\\\"]},\n"
            "    {\"title\": \"empty\",\n     \"rows\": [],\n     \"notes\": []}]\n}\n");
}

TEST(Report, a_row_has_a_cell_for_each_column) {
  const Table table{"T", {"x", "y"}, {{"row", {1}}}, {}};
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { table_text(table); }), "row row of the table T");
  EXPECT_CONTAINS(error_of<std::invalid_argument>([&] { report_json({}, {table}); }), "1 cells for 2 columns");
}

}  // namespace
}  // namespace coopnets
