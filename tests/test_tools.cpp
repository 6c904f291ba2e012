// The tools of tools/ and the Makefile, as far as they go without a network: what is fetched or installed comes from
// programs that this test puts first in PATH. Runs in the root of the repository.
#include <gtest/gtest.h>

#include "tools.h"

namespace tools {
namespace {

TEST_F(Tools, AreShellThatParses) {
  for (const char *check : {"sh -n tools/setup", "sh -n tools/get-data", "bash -n tools/bench",
                            "bash -n tools/device_check", "bash -n .ci/run"}) {
    const Outcome outcome = run(check);
    EXPECT_EQ(outcome.status, 0) << check << ": " << outcome.text;
  }
}

TEST_F(Tools, PythonParsesAndSaysWhatIsMissing) {
  if (run("python3 --version").status != 0) GTEST_SKIP() << "no python3";
  const std::string tool = "tools/bench_pytorch.py";
  for (const std::string &file : {tool, std::string("tools/bench_conv.py")})
    EXPECT_EQ(run("python3 -c \"import ast; ast.parse(open('" + file + "').read())\"").text, "") << file;
  // -S -I: without the packages that this machine may have
  const Outcome bare = run("python3 -S -I " + tool + " --help");
  EXPECT_EQ(bare.status, 1) << bare.text;
  EXPECT_TRUE(bare.says("needs") && bare.says("apt-get install python3-")) << bare.text;
  EXPECT_FALSE(bare.says("Traceback")) << bare.text;
}

// Two layers as the published file names them: what is written must give what PyTorch's convolution and batch norm give.
TEST_F(Tools, ConvertInceptionFoldsBatchNormAndRefusesOtherFiles) {
  const Outcome found =
      run("for p in python3 /usr/bin/python3; do $p -c 'import numpy, torch' && echo $p && exit; done");
  std::istringstream lines(found.text);
  std::string python;
  for (std::string line; std::getline(lines, line);)
    if (line.find("python3") == line.size() - 7) python = line;
  if (found.status != 0 || python.empty()) GTEST_SKIP() << "no python3 with NumPy and PyTorch";
  write("make.py", R"(import sys, torch
torch.manual_seed(1)
state = {}
for name, shape in (("Conv2d_1a_3x3", (4, 3, 3, 2)), ("Mixed_5b.branch1x1", (5, 4, 1, 1))):
    state[name + ".conv.weight"] = torch.randn(shape)
    for key in ("weight", "bias", "running_mean"):
        state[name + ".bn." + key] = torch.randn(shape[0])
    state[name + ".bn.running_var"] = torch.rand(shape[0]) + 0.1
    state[name + ".bn.num_batches_tracked"] = torch.tensor(7)
state["fc.weight"], state["fc.bias"] = torch.randn(6, 5), torch.randn(6)
torch.save(state, sys.argv[1])
)");
  write("check.py", R"(import json, struct, sys
import numpy as np, torch
state = torch.load(sys.argv[1])
data = open(sys.argv[2], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
assert header.pop("__metadata__") == {"format": "coopnets inception 2015-12-05"}
def tensor(name):
    entry = header.pop(name)
    begin, end = entry["data_offsets"]
    assert entry["dtype"] == "F32"
    return np.frombuffer(data[8 + size + begin:8 + size + end], "<f4").reshape(entry["shape"])
for name, channels in (("Conv2d_1a_3x3", 3), ("Mixed_5b.branch1x1", 4)):
    x = torch.randn(2, channels, 7, 8)
    bn = [state[name + ".bn." + k] for k in ("running_mean", "running_var", "weight", "bias")]
    want = torch.nn.functional.batch_norm(torch.nn.functional.conv2d(x, state[name + ".conv.weight"]), *bn, eps=0.001)
    filters, bias = tensor(name + ".filters"), tensor(name + ".bias")
    assert filters.ndim == 5 and filters.shape[0] == 1 and bias.shape == (1, 1, 1, 1, filters.shape[4])
    back = torch.from_numpy(filters[0].transpose(3, 2, 0, 1).copy())
    made = torch.nn.functional.conv2d(x, back, torch.from_numpy(bias.reshape(-1).copy()))
    assert torch.allclose(made, want, atol=1e-4), (made - want).abs().max()
assert np.array_equal(tensor("fc.filters")[0, 0, 0], state["fc.weight"].numpy().T)
assert not header, header
)");
  const auto call = [&](const std::string &script, const std::string &arguments) {
    return run("cd '" + folder + "' && " + python + " " + script + " " + arguments);
  };
  const std::string convert = root + "/tools/convert_inception.py";
  ASSERT_EQ(call("make.py", "weights.pth").status, 0);
  const Outcome converted = call(convert, "weights.pth inception.safetensors");
  ASSERT_EQ(converted.status, 0) << converted.text;
  EXPECT_TRUE(converted.says("5 tensors")) << converted.text;
  const Outcome checked = call("check.py", "weights.pth inception.safetensors");
  EXPECT_EQ(checked.status, 0) << checked.text;

  write("text.pth", "no weights");
  const Outcome refused = call(convert, "text.pth other.safetensors");
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(refused.says("text.pth does not hold FID's Inception")) << refused.text;
  EXPECT_FALSE(fs::exists(folder + "/other.safetensors"));
}

// ------------------------------------------------------------------------------------------------------- get-data

TEST_F(Tools, SetupListsWhatToInstallOffDebian) {
  const Outcome outcome = run("CXX=no-such-compiler " + path + "tools/setup");
  EXPECT_EQ(outcome.status, 1);
  for (const char *package : {"g++", "libstb-dev", "libgtest-dev", "cmake"}) {
    EXPECT_TRUE(outcome.says(std::string("\n  ") + package + " ")) << package << " in: " << outcome.text;
  }
  EXPECT_TRUE(outcome.says("no apt-get")) << outcome.text;

  EXPECT_EQ(run("tools/setup everything").status, 2);
}

TEST_F(Tools, SetupIsSilentWhereNothingIsMissing) {
  program("compiler", ":");
  program("cmake", ":");
  const Outcome outcome = run("CXX=compiler " + path + "tools/setup");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.text, "");
}

// Once something is fetched, all is; but what is not needed is no reason to fetch anything.
TEST_F(Tools, SetupOfTheBuildDoesNotNeedTheTests) {
  program("compiler", "read line; case $line in *gtest*) exit 1 ;; esac");
  EXPECT_EQ(run("CXX=compiler " + path + "tools/setup build").text, "");
  program("compiler", "read line; case $line in *stb* | *gtest*) exit 1 ;; esac");
  const Outcome outcome = run("CXX=compiler " + path + "tools/setup build");
  EXPECT_EQ(outcome.status, 1);
  for (const char *package : {"libstb-dev", "libgtest-dev", "cmake"})
    EXPECT_TRUE(outcome.says(std::string("\n  ") + package + " ")) << package << " in: " << outcome.text;
}

TEST_F(Tools, SetupFetchesPackageListsWhereInstallingFailsWithoutThem) {
  program("compiler", "read line; case $line in *stb*) exit 1 ;; esac");
  program("cmake", ":");
  program("id", "echo 0");
  program("apt-get", "echo \"$@\" >>'" + folder + "/calls'; case \"$*\" in *update*) : >'" + folder +
                         "/lists' ;; esac; [ -e '" + folder + "/lists' ]");
  const Outcome outcome = run("CXX=compiler " + path + "tools/setup");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  const std::string install =
      "-qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install -y --no-install-recommends libstb-dev\n";
  EXPECT_EQ(read("calls"), install + "-qq update\n" + install);
}

TEST_F(Tools, SetupAsksForRootWhereItCan) {
  program("compiler", "read line; case $line in *gtest*) exit 1 ;; esac");
  program("cmake", ":");
  program("id", "echo 1000");
  program("apt-get", "echo \"apt-get $*\" >>'" + folder + "/calls'");
  const std::string command = "CXX=compiler " + path + "tools/setup test";
  const Outcome without = run(command);
  EXPECT_EQ(without.status, 1);
  EXPECT_TRUE(without.says("Ask for: apt-get install libgtest-dev")) << without.text;
  EXPECT_FALSE(fs::exists(folder + "/calls"));

  program("sudo", "echo sudo >>'" + folder + "/calls'; exec \"$@\"");
  EXPECT_EQ(run(command).status, 0);
  EXPECT_EQ(read("calls").substr(0, 13), "sudo\napt-get ");
}

// ---------------------------------------------------------------------------------------------------------- bench

TEST_F(Tools, BenchPrintsTheRatioOfTheFastestRounds) {
  fs::create_directory(folder + "/tools");
  fs::copy(root + "/tools/bench", folder + "/tools/bench");
  // Ours: 3 s, then 2 s. PyTorch's: 5 s, then 6 s.
  write("coopnets",
        "#!/bin/sh\necho \"$@\" >>'" + folder + "/ours'\n[ $(wc -l <'" + folder + "/ours') = 1 ] && s=3.0 || s=2.0\n" +
            R"(echo "{\"net\": \"$2\", \"mode\": \"native\", \"seconds_per_iteration\": $s, \"peak_MiB\": 100}")");
  fs::permissions(folder + "/coopnets", fs::perms::owner_all);
  program("python3",
          "[ \"$1\" = -c ] && exit 0; echo \"$@\" >>'" + folder + "/theirs'; [ $(wc -l <'" + folder +
              "/theirs') = 1 ] && s=5.0 || s=6.0\n" +
              R"(echo "{\"net\": \"$3\", \"mode\": \"eager\", \"seconds_per_iteration\": $s, \"peak_MiB\": 400}")");
  const Outcome outcome = run(path + "'" + folder + "/tools/bench' --net digits --threads 2");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_TRUE(outcome.says("digits            2.0          5.0     2.50x          100          400     0.25x  eager"))
      << outcome.text;
  EXPECT_NE(read("ours").find("--threads 2"), std::string::npos);
  EXPECT_NE(read("theirs").find("--threads 2"), std::string::npos);

  program("python3", "exit 1");  // a Python without PyTorch
  const Outcome alone = run("PYTHON=python3 " + path + "'" + folder + "/tools/bench' --net digits");
  EXPECT_EQ(alone.status, 0) << alone.text;
  EXPECT_TRUE(alone.says("coopnets runs alone")) << alone.text;
}

// What fails is said and the rest goes on; PyTorch computes in the precision that ours had, and goes on in its best mode.
TEST_F(Tools, BenchGoesOnAfterAFailure) {
  fs::create_directory(folder + "/tools");
  fs::copy(root + "/tools/bench", folder + "/tools/bench");
  write("coopnets", R"(#!/bin/sh
[ $2 = scene ] && exit 1
echo '{"mode": "coopnets", "precision": "fp32", "seconds_per_iteration": 2, "peak_MiB": 1}'
)");
  fs::permissions(folder + "/coopnets", fs::perms::owner_all);
  program("python3", "[ \"$1\" = -c ] && exit 0; echo \"$@\" >>'" + folder + "/theirs'\n" +
                         R"(echo '{"mode": "graph", "seconds_per_iteration": 4, "peak_MiB": 4}')");
  const Outcome outcome = run(path + "'" + folder +
                              "/tools/bench' --net scene --net digits --device cuda --precision bf16 --threads 1"
                              " --convolutions bench_conv");
  EXPECT_EQ(outcome.status, 1) << outcome.text;
  EXPECT_TRUE(outcome.says("coopnets --bench scene failed; the other nets go on")) << outcome.text;
  EXPECT_TRUE(outcome.says("2.00x            1            4     0.25x  graph fp32")) << outcome.text;
  const std::string common = "tools/bench_pytorch.py --net digits --iterations 3 --threads 1 --device cuda";
  EXPECT_EQ(read("theirs"), common + " --precision fp32 --mode best\n" + common +
                                " --precision fp32 --mode graph\n"
                                "tools/bench_conv.py --program bench_conv --device cuda --precision bf16\n");
}

TEST_F(Tools, BenchSaysOnceThatNoDeviceAnswers) {
  fs::create_directory(folder + "/tools");
  fs::copy(root + "/tools/bench", folder + "/tools/bench");
  write("coopnets", "#!/bin/sh\necho 'coopnets: --device cuda: no GPU answered' >&2\nexit 1\n");
  fs::permissions(folder + "/coopnets", fs::perms::owner_all);
  const Outcome outcome = run(path + "'" + folder + "/tools/bench' --device cuda");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.text, "coopnets: --device cuda: no GPU answered\n");
}

TEST_F(Tools, BenchRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(run("tools/bench --net celeba").status, 2);
  EXPECT_EQ(run("tools/bench --iterations 0").status, 2);
  EXPECT_EQ(run("tools/bench --rounds").status, 2);
  EXPECT_EQ(run("tools/bench --fast").status, 2);
}

// ------------------------------------------------------------------------------------------------------- Makefile

TEST_F(Tools, MakeHelpNamesEveryTarget) {
  const Outcome help = run("make --no-print-directory help");
  EXPECT_EQ(help.status, 0) << help.text;
  for (const char *words :
       {"make test ", "make test-cuda ", "make bench ", "make bench-cuda ", "make install ", "make clean ", "NATIVE=0",
        "SANITIZE=1", "WERROR=1", "CUDA=0", "CUDA_ARCH=", "TEST_FILTER="}) {
    EXPECT_TRUE(help.says(words)) << words;
  }
}

TEST_F(Tools, MakeRebuildsWhatChangedFlagsReach) {
  fs::copy(root + "/Makefile", folder + "/Makefile");
  write("tools/setup", "#!/bin/sh\n");
  fs::permissions(folder + "/tools/setup", fs::perms::owner_all);
  fs::copy(root + "/tools/join_objects", folder + "/tools/join_objects");
  write("src/app/main.cpp", "int main() { return 0; }\n");
  write("src/cpu/kernel.cpp",
        "#ifdef COOPNETS_CPU_LEVEL\nextern \"C\" int COOPNETS_CPU_LEVEL() { return 0; }\n#endif\n");
  const std::string make = "cd '" + folder + "' && make CUDA=0 ";
  const bool levels = run("g++ -dumpmachine").says("x86_64");
  const Outcome first = run(make), again = run(make), portable = run(make + "NATIVE=0"), back = run(make + "NATIVE=0");
  for (const Outcome &outcome : {first, again, portable, back}) EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_TRUE(first.says("C++    src/app/main.cpp") && first.says("LINK")) << first.text;
  EXPECT_FALSE(again.says("C++  ") || again.says("LINK")) << again.text;
  EXPECT_TRUE(portable.says("C++    src/app/main.cpp") && portable.says("LINK")) << portable.text;
  for (const char *level : {"avx2", "avx512"})
    EXPECT_EQ(portable.says("JOIN   build/float/levels/" + std::string(level) + ".o"), levels) << portable.text;
  EXPECT_FALSE(first.says("JOIN")) << first.text;
  EXPECT_FALSE(back.says("C++  ") || back.says("LINK")) << back.text;
  EXPECT_TRUE(fs::exists(folder + "/coopnets"));
  EXPECT_EQ(run(make + "clean").status, 0);
  EXPECT_FALSE(fs::exists(folder + "/coopnets") || fs::exists(folder + "/build"));
}

TEST_F(Tools, MakeChoosesOneArchitectureAGeneration) {
  fs::copy(root + "/Makefile", folder + "/Makefile");
  write("tools/setup", "#!/bin/sh\n");
  fs::permissions(folder + "/tools/setup", fs::perms::owner_all);
  write("cuda/conv.cu", "");
  program("nvcc", "for a in 50 53 62 75 80 86 87 90 100 103 110 120 121; do echo compute_$a; done");
  const std::string make = "cd '" + folder + "' && make found NVCC='" + folder + "/bin/nvcc' ";
  const bool arm = run("uname -m").says("aarch64");
  const Outcome detected = run(make), asked = run(make + "CUDA_ARCH='90 87'"), without = run(make + "CUDA=0");
  EXPECT_TRUE(detected.says(arm ? "sm_53 sm_62 sm_75 sm_80 sm_87 sm_90 sm_100 sm_110 sm_120, and their PTX"
                                : "for sm_75 sm_80 sm_90 sm_100 sm_120, and their PTX"))
      << detected.text;
  EXPECT_TRUE(asked.says("for sm_90 sm_87, and their PTX")) << asked.text;
  EXPECT_TRUE(without.says("CPU only")) << without.text;
  const Outcome nowhere = run("cd '" + folder + "' && make found CUDA=1 NVCC=");
  EXPECT_NE(nowhere.status, 0);
  EXPECT_TRUE(nowhere.says("nvcc is neither in PATH")) << nowhere.text;
}

// Of what is in several objects the linker takes whichever copy comes first, for the whole program.
TEST_F(Tools, JoinedObjectsKeepTheirCopiesToThemselves) {
  if (!run("g++ -dumpmachine").says("x86_64")) GTEST_SKIP() << "there are levels on x86-64 alone";
  write("shared.h", R"(#include <stdexcept>
#include <vector>
inline int lanes() {
#ifdef __AVX512F__
  return 16;
#else
  return 4;
#endif
}
struct Base { virtual ~Base() {} virtual int value(int i) = 0; };
)");
  write("helper.cpp", R"(#include "shared.h"
#include <string>
int helper(int i) { return std::vector<int>(2, std::stoi(std::to_string(lanes()))).at(i); }
)");
  write("entry.cpp", R"(#include "shared.h"
int helper(int i);
struct Derived : Base { int value(int i) override { return helper(i); } };
extern "C" Base *entry() { return new Derived; }
)");
  write("main.cpp", R"(#include "shared.h"
#include <cstdio>
extern "C" Base *entry();
int main() {
  Base *base = entry();
  std::printf("%d here, %d there, ", lanes(), base->value(1));
  try {
    base->value(2);
  } catch (const std::out_of_range &error) {
    std::puts("thrown");
  }
  delete base;
}
)");
  write("state.cpp", "inline int *state() { static int number; return &number; }\nint *shared = state();\n");
  const std::string there = "cd '" + folder + "' && ",
                    join = root + "/tools/join_objects joined.o entry entry.o helper.o ";
  const Outcome compiled =
      run(there + "for f in helper entry state; do g++ -O0 -mavx512f -c $f.cpp; done && g++ -O0 -c main.cpp");
  ASSERT_EQ(compiled.status, 0) << compiled.text;
  EXPECT_EQ(run(there + "g++ entry.o helper.o main.o && ./a.out").text, "16 here, 16 there, thrown\n");
  EXPECT_EQ(run(there + join + "&& g++ joined.o main.o && ./a.out").text, "4 here, 16 there, thrown\n");
  EXPECT_EQ(run(there + "nm -g --defined-only joined.o | cut -d' ' -f2-; readelf -gW joined.o").text,
            "T entry\n\nThere are no section groups in this file.\n");
  // State that all share must not come to be there twice.
  const Outcome twice = run(there + join + "state.o");
  EXPECT_NE(twice.status, 0);
  EXPECT_TRUE(twice.says("u _ZZ5statevE6number") && twice.says("joined.o still has these names beside its entry"))
      << twice.text;
  EXPECT_FALSE(fs::exists(folder + "/joined.o"));
}

#ifdef COOPNETS_CPU_LEVELS
// By addresses, as a function of a level and one for all have the same name.
TEST_F(Tools, NoFunctionOfThisProgramThatIsSeenNeedsALevel) {
  const char *program = std::getenv("COOPNETS");
  if (!program) GTEST_SKIP() << "COOPNETS names no program";
  const std::string there = " > '" + folder + "/";
  run("objdump -d --no-show-raw-insn " + std::string(program) +
      " | awk '/^[0-9a-f]+ </ { at = $1 } /\tv[a-z]/ && !had[at]++ { print at }' | sort" + there + "levels'");
  run("nm --extern-only --defined-only " + std::string(program) + " | cut -d' ' -f1 | sort" + there + "seen'");
  EXPECT_GT(std::stoi("0" + run("wc -l < '" + folder + "/levels'").text), 100);
  EXPECT_GT(std::stoi("0" + run("wc -l < '" + folder + "/seen'").text), 100);
  EXPECT_EQ(run("comm -12 '" + folder + "/levels' '" + folder + "/seen'").text, "");
}
#endif

}  // namespace
}  // namespace tools
