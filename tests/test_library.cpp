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
  EXPECT_TRUE(outcome.says("none/float/coopnets yet: make builds it")) << outcome.text;
  EXPECT_FALSE(fs::exists(folder + "/opt"));
}

// A library of a few lines, built by the CMakeLists.txt of this one: for each level of x86-64 how many numbers its vectors
// have, and a kernel where nvcc is.
TEST_F(Library, AProjectWithoutCudaUsesWhatCMakeInstalls) {
  if (run("command -v cmake").status != 0) GTEST_SKIP() << "no cmake here: tools/setup gets it";
  const bool levels = run("g++ -dumpmachine").says("x86_64");
  const bool cuda = run("command -v nvcc || ls /usr/local/cuda/bin/nvcc").status == 0;
  for (const char *file : {"CMakeLists.txt", "tools/join_objects"}) {
    write(file, "");
    fs::copy(file, folder + "/" + file, fs::copy_options::overwrite_existing);
  }
  fs::create_directory(folder + "/tests");
  write("tools/bench_conv.cpp", "");
  write("src/cpu/cpu.h",
        "extern \"C\" int coopnets_cpu_first(), coopnets_cpu_avx2(), coopnets_cpu_avx512();\nint lanes();\n");
  write("src/cpu/kernel.cpp", R"(#include <vector>
#ifndef COOPNETS_CPU_LEVEL
#define COOPNETS_CPU_LEVEL coopnets_cpu_first
#endif
#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
extern "C" int COOPNETS_CPU_LEVEL() { return std::vector<int>(1, lanes).at(0); }
)");
  write("src/cpu/choose.cpp", R"(#include "cpu/cpu.h"
int lanes() {
#ifdef COOPNETS_CPU_LEVELS
  return coopnets_cpu_first() + 100 * coopnets_cpu_avx2() + 10000 * coopnets_cpu_avx512();
#else
  return coopnets_cpu_first();
#endif
}
)");
  write("src/app/main.cpp", "int main() {}\n");
  const std::string devices = "int devices() {\n  int count;\n  return cudaGetDeviceCount(&count) == cudaSuccess;\n}\n";
  if (cuda) write("cuda/kernel.cu", "__global__ void one(float *x) { *x = 1; }\n" + devices);
  write("user/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(user LANGUAGES CXX)\n"
        "find_package(coopnets REQUIRED)\nadd_executable(user user.cpp)\n"
        "target_link_libraries(user PRIVATE coopnets::coopnets)\n");
  write("user/user.cpp", std::string("#include <cstdio>\n#include \"cpu/cpu.h\"\nint devices();\nint main() { ") +
                             (cuda ? "devices(); " : "") + "std::printf(\"%d lanes\\n\", lanes()); }\n");
  const std::string build =
      "cd '" + folder +
      "' && cmake -S . -B b -DBUILD_TESTING=OFF -DNATIVE=OFF -DCUDA_ARCH=75 -DCUDA=" + (cuda ? "ON" : "OFF") +
      " && cmake --build b && cmake --install b --prefix p";
  const Outcome built = run(build), used = run("cd '" + folder + "/user' && cmake -S . -B b -DCMAKE_PREFIX_PATH='" +
                                               folder + "/p' && cmake --build b && b/user");
  ASSERT_EQ(built.status, 0) << built.text;
  EXPECT_EQ(used.status, 0) << used.text;
  EXPECT_TRUE(used.says(levels ? "160804 lanes" : "4 lanes")) << used.text;
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
