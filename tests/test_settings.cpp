#include "experiments/settings.h"

#include <cmath>
#include <limits>
#include <set>

#include "files.h"

namespace coopnets {
namespace {

std::string refusal(const std::string &name, const std::string &value) {
  Settings settings;
  const std::string before = print(settings);
  const std::string error = error_of<std::invalid_argument>([&] { settings.set(name, value); });
  EXPECT_EQ(print(settings), before) << "a refused value must change nothing";
  return error;
}

TEST(Settings, every_setting_prints_and_reads_back) {
  Settings changed;
  std::set<std::string> names;
  for (const Field<Settings> &field : setting_fields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_FALSE(field.help.empty());
    Settings defaults;
    const std::string value = defaults.get(field.name);
    EXPECT_NO_THROW(defaults.set(field.name, value)) << field.name;
    EXPECT_EQ(defaults.get(field.name), value);
    // Another value than the default.
    const std::string other = !field.choices.empty()                                          ? field.choices.back()
                              : field.name == "crop"                                          ? "200"
                              : std::holds_alternative<std::string Settings::*>(field.member) ? "other name"
                              : field.most == 1                                               ? "0.5"
                                                                                              : "17";
    changed.set(field.name, other);
    EXPECT_NE(changed.get(field.name), value) << field.name;
  }
  Settings copy;
  for (const Field<Settings> &field : setting_fields()) copy.set(field.name, changed.get(field.name));
  EXPECT_EQ(print(copy), print(changed));
  EXPECT_EQ(copy.chains, 17);
  EXPECT_EQ(copy.sigma, 17);
  EXPECT_EQ(copy.crop, "200");
  EXPECT_EQ(copy.langevin_noise_until, 0.5);
  EXPECT_EQ(copy.statistics, "running");
}

TEST(Settings, numbers_are_lossless) {
  Settings settings;
  for (const double value : {0.1, 1. / 3, 0.0023 / 0.3, 20. / 255, 1e-6, 123456.789, 5e-324 * 1e300}) {
    settings.descriptor_rate = value;
    Settings copy;
    copy.set("descriptor_rate", settings.get("descriptor_rate"));
    EXPECT_EQ(copy.descriptor_rate, value);
  }
  EXPECT_EQ(print_number(0.3), "0.3");
  EXPECT_EQ(parse_number(print_number(std::numeric_limits<double>::max())), std::numeric_limits<double>::max());
  EXPECT_EQ(parse_number(print_number(5e-324)), 5e-324);
  settings.set("iterations", "9223372036854775807");
  EXPECT_EQ(settings.get("iterations"), "9223372036854775807");
}

TEST(Settings, refuses_bad_values_and_says_what_it_takes) {
  EXPECT_EQ(refusal("chains", "0"), "the setting chains takes a whole number from 1 to 1000000000, not '0'");
  EXPECT_EQ(refusal("iterations", "-3"), "the setting iterations takes a whole number from 1 on, not '-3'");
  for (const char *value : {"", " ", "1.5", "1e3", "0x10", "12a", " 12", "12 ", "+1", "99999999999999999999", "ten"})
    EXPECT_CONTAINS(refusal("chains", value), "takes a whole number");
  for (const char *value : {"", "nan", "inf", "-inf", "1e999", "0.3x", "0,3", " 0.3", "-1", "1e10", "0x1p3", "--1"})
    EXPECT_CONTAINS(refusal("sigma", value), "takes a number from 1e-06 to 1e+06, not '");
  EXPECT_EQ(refusal("langevin_noise_until", "2"),
            "the setting langevin_noise_until takes a number from 0 to 1, not '2'");
  EXPECT_EQ(refusal("optimizer", "adm"),
            "the setting optimizer takes adam, capped-momentum or momentum, not 'adm'; did you mean adam?");
  EXPECT_CONTAINS(refusal("crop", "center"), "takes centre, size, random, none or a number of pixels");
  EXPECT_CONTAINS(refusal("crop", "0"), "takes centre");
  EXPECT_CONTAINS(refusal("crop", "100000"), "takes centre");
  EXPECT_CONTAINS(refusal("descriptor", "two\nlines"), "control characters");
  EXPECT_CONTAINS(refusal("descriptor", "blank "), "blank");
}

// Iterations and epochs say the same thing: what is said last counts.
TEST(Settings, iterations_take_the_place_of_epochs) {
  Settings s;
  s.set("epochs", "3");
  EXPECT_EQ(s.get("epochs"), "3");
  s.set("iterations", "70");
  EXPECT_EQ(s.get("epochs"), "0");
  s.set("epochs", "4");
  EXPECT_EQ(s.get("epochs"), "4");
}

TEST(Settings, unknown_names_get_the_nearest_one) {
  EXPECT_EQ(refusal("langevin_step", "3"), "there is no setting 'langevin_step'; did you mean langevin_steps?");
  EXPECT_CONTAINS(refusal("chain", "3"), "did you mean chains?");
  EXPECT_CONTAINS(refusal("optimiser", "adam"), "did you mean optimizer?");
  EXPECT_CONTAINS(refusal("Sigma", "1"), "did you mean sigma?");
  EXPECT_EQ(refusal("", "1"), "there is no setting ''");
  EXPECT_EQ(refusal("momentum", "1"), "there is no setting 'momentum'");
  EXPECT_THROW(Settings().get("x"), std::invalid_argument);
}

}  // namespace
}  // namespace coopnets
