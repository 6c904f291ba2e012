// What the program says to other programs: --json, --log json.
#include "app/json.h"

#include <limits>
#include <sstream>

#include "app/list.h"
#include "json_check.h"
#include "program.h"

namespace coopnets {
namespace {

TEST(Json, objects_lists_and_numbers) {
  JsonObject object;
  EXPECT_EQ(object.str(), "{}");
  object.text("a\"b", "c\\\n").number("x", 0.1).number("none", std::numeric_limits<double>::quiet_NaN());
  object.whole("n", 9007199254740993).json("list", json_list({"1", "[]"}));
  EXPECT_EQ(object.str(),
            "{\"a\\\"b\": \"c\\\\\\u000a\", \"x\": 0.1, \"none\": null, \"n\": 9007199254740993, \"list\": [1, []]}");
  EXPECT_TRUE(is_json(object.str()));
  EXPECT_EQ(json_list({}), "[]");
  for (const char *bad : {"", "{", "{\"a\" 1}", "[1,]", "{\"a\": nan}", "\"\n\"", "{} {}"})
    EXPECT_FALSE(is_json(bad)) << bad;
}

TEST(Json, the_list_holds_what_the_text_says) {
  const std::string all = list_json(), one = list_json("scene");
  EXPECT_TRUE(is_json(all));
  EXPECT_TRUE(is_json(one));
  for (const char *part : {"{\"name\": \"texture\", \"title\": ", "\"layers\": [\"conv 15x15 stride 3x3, ReLU",
                           "\"langevin_steps\": ", "{\"name\": \"wgan\", ", "{\"name\": \"classifier\", "})
    EXPECT_CONTAINS(all, part);
  EXPECT_CONTAINS(one, "{\"name\": \"scene\", ");
  EXPECT_CONTAINS(one, "\"learned_by\": \"cooperative\", ");
  EXPECT_CONTAINS(list_json("texture"), "\"rivals\": [{\"name\": \"cdrl\", ");
  EXPECT_FALSE(contains(one, "{\"name\": \"lsun\", ") || contains(one, "\"wgan\""));
}

TEST_F(ProgramTest, what_is_asked_for_as_json_is_alone_on_standard_output) {
  const Outcome list = run_program({"--list", "--exp", "texture", "--json"});
  EXPECT_EQ(list.status, 0) << list.err;
  EXPECT_EQ(list.out, list_json("texture"));
  expect_success(train(1));
  const Outcome o = run_program(use({"--evaluate", "--samples", "2", "--json"}));
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_TRUE(is_json(o.out)) << o.out;
  EXPECT_EQ(o.out, read_file(path("evaluation.json")));
  EXPECT_CONTAINS(o.err, "holds these numbers");
  EXPECT_CONTAINS(failure_of(use({"--sample", "1", "--json"}), 2), "--json goes with --list, --evaluate");
}

TEST_F(ProgramTest, a_log_for_machines_is_an_object_a_line) {
  const Outcome o = run_program(train(5) + Arguments{"--log", "json"});
  EXPECT_EQ(o.status, 0) << o.err;
  std::istringstream text(o.out);
  std::string line, iterations;
  while (std::getline(text, line)) {
    EXPECT_TRUE(is_json(line)) << line;
    iterations += line.substr(0, line.find(','));
    for (const char *name : {"\"of\": 5", "\"energy_observed\": ", "\"gradient\": ", "\"seconds_left\": "})
      EXPECT_CONTAINS(line, name);
  }
  EXPECT_EQ(iterations, "{\"iteration\": 1{\"iteration\": 2{\"iteration\": 5");
  EXPECT_CONTAINS(o.err, "texture, quick preset, on cpu, 1 thread");
  EXPECT_CONTAINS(o.err, "done in ");
}

}  // namespace
}  // namespace coopnets
