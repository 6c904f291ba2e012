// The library as `make install` puts it, and tools/examples. Runs in the root of the repository.
#include <gtest/gtest.h>

#include "data/image.h"
#include "tensor/file.h"
#include "tools.h"

namespace tools {
namespace {

class Library : public Tools {
 protected:
  // The folder of objects that `make test` has built from, "" where something else runs the tests.
  static std::string objects() {
    const char *program = std::getenv("COOPNETS");
    const fs::path folder = program ? fs::path(program).parent_path() : "";
    return folder.filename() == "float" && fs::exists(folder / "libcoopnets.a") ? folder.string() : "";
  }
  Outcome install() const {
    return run("make install BUILD='" + fs::path(objects()).parent_path().string() + "' DESTDIR='" + folder +
               "' PREFIX=/opt");
  }
};

TEST_F(Library, TheExampleIsBuiltAgainstWhatIsInstalledAndLearns) {
  if (objects().empty()) GTEST_SKIP() << "no build/float/libcoopnets.a";
  const Outcome installed = install();
  ASSERT_EQ(installed.status, 0) << installed.text;
  EXPECT_TRUE(fs::exists(folder + "/opt/bin/coopnets"));
  for (const char *file :
       {"man/man1/coopnets.1", "bash-completion/completions/coopnets", "zsh/site-functions/_coopnets"})
    EXPECT_NE(coopnets::read_file(folder + "/opt/share/" + file, 1 << 20).find("coopnets"), std::string::npos) << file;
  const std::string description = coopnets::read_file(folder + "/opt/lib/pkgconfig/coopnets.pc", 10000);
  EXPECT_NE(description.find("Cflags: -I/opt/include/coopnets\n"), std::string::npos) << description;
  const std::string libraries = "Libs: -L/opt/lib -lcoopnets ";
  const size_t at = description.find(libraries);
  ASSERT_NE(at, std::string::npos) << description;
  const Outcome built =
      run("g++ -std=c++17 tools/examples/texture.cpp -I'" + folder + "/opt/include/coopnets' -L'" + folder +
          "/opt/lib' -lcoopnets " +
          description.substr(at + libraries.size(), description.find('\n', at) - at - libraries.size()) + " -o '" +
          folder + "/texture'");
  ASSERT_EQ(built.status, 0) << built.text;
  const Outcome learned =
      run("picture=\"$PWD/datasets/texture/brick.png\"; cd '" + folder + "' && ./texture \"$picture\" 2");
  ASSERT_EQ(learned.status, 0) << learned.text;
  const coopnets::Image made = coopnets::load_image(folder + "/synthesis.png");
  EXPECT_EQ(made.height, 128);
  EXPECT_EQ(made.width, 128);
}

TEST_F(Library, NothingIsInstalledBeforeItIsBuilt) {
  const Outcome outcome = run("make install BUILD='" + folder + "/none' DESTDIR='" + folder + "' PREFIX=/opt");
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.says("none/float/libcoopnets.a yet: make builds it")) << outcome.text;
  EXPECT_FALSE(fs::exists(folder + "/opt"));
}

TEST_F(Library, PythonReadsACheckpoint) {
  const Outcome found = run("for p in python3 /usr/bin/python3; do $p -c 'import numpy' && echo $p && exit; done");
  if (found.status != 0 || found.text.empty()) GTEST_SKIP() << "no python3 with NumPy";
  const std::string python = found.text.find("/usr/bin") == std::string::npos ? "python3" : "/usr/bin/python3";
  // {"__metadata__":{...},"net.0.filters":{...}} and two numbers, as safetensors has them.
  const std::string header = R"({"__metadata__":{"experiment":"texture","iteration":"7"},)"
                             R"("net.0.filters":{"dtype":"F32","shape":[1,1,1,1,2],"data_offsets":[0,8]}})";
  const char size[] = {char(header.size()), 0, 0, 0, 0, 0, 0, 0}, numbers[] = {0, 0, '\x80', '\x3f', 0, 0, 0, '\x40'};
  write("x.safetensors", std::string(size, 8) + header + std::string(numbers, 8));  // 1 and 2
  const Outcome read = run(python + " tools/examples/read_checkpoint.py '" + folder + "/x.safetensors'");
  EXPECT_EQ(read.text, "texture after 7 iterations\nnet.0.filters [1, 1, 1, 1, 2] 1.5\n");
}

}  // namespace
}  // namespace tools
