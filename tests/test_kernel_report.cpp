// tools/kernel_report on an object written here, which a stub of nvcc hands out: a kernel of 128 threads whose five
// instructions are a loop of two tensor-core products and a branch back, the branch to itself that ends every kernel, and
// padding.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "tools.h"

namespace tools {
namespace {

using Bytes = std::string;

template <class... Words>
Bytes words(Words... values) {
  Bytes out;
  (out.append(reinterpret_cast<const char *>(&values), sizeof values), ...);
  return out;
}

Bytes instruction(uint64_t low, uint64_t high = 0) { return words(low, high); }

// A branch by so many bytes from the next instruction, as sm_75 and as sm_90 encode it.
Bytes branch(int bytes, bool hopper) {
  const int64_t by = bytes;
  if (!hopper) return instruction(uint64_t(by) << 32 | 0x7947, uint64_t(by) >> 32 & 0x3ffff);
  const int64_t fours = by / 4;
  return instruction(uint64_t(fours) >> 8 << 34 | (uint64_t(fours) & 255) << 16 | 0x7947,
                     uint64_t(fours) >> 38 & 0x3ffff);
}

// An ELF file of these sections.
Bytes elf(const std::vector<std::pair<std::string, Bytes>> &sections) {
  Bytes names(1, '\0'), body, heads(64, '\0');  // the first head is that of no section
  const auto add = [&](const std::string &name, const Bytes &bytes) {
    heads += words(uint32_t(names.size()), uint32_t(1), uint64_t(0), uint64_t(0), uint64_t(64 + body.size()),
                   uint64_t(bytes.size()), uint64_t(0), uint64_t(0), uint64_t(0));
    names += name + '\0';
    body += bytes;
  };
  for (const auto &[name, bytes] : sections) add(name, bytes);
  heads += words(uint32_t(0), uint32_t(3), uint64_t(0), uint64_t(0), uint64_t(64 + body.size()), uint64_t(names.size()),
                 uint64_t(0), uint64_t(0), uint64_t(0));
  body += names;
  Bytes header(64, '\0');
  const uint64_t table = 64 + body.size();
  const uint16_t size = 64, count = uint16_t(heads.size() / 64), last = count - 1;
  std::memcpy(&header[40], &table, 8);
  std::memcpy(&header[58], &size, 2);
  std::memcpy(&header[60], &count, 2);
  std::memcpy(&header[62], &last, 2);
  return header + body + heads;
}

Bytes object(bool hopper) {
  const Bytes product = instruction(0x723c), load = instruction(0x7984), nop = instruction(0x7918);
  return elf({{".text.kernel", load + product + product + branch(-48, hopper) + branch(-16, hopper) + nop + nop},
              {".nv.info.kernel", words(uint8_t(3), uint8_t(0x1b), uint16_t(255), uint8_t(4), uint8_t(5), uint16_t(12),
                                        uint32_t(128), uint32_t(1), uint32_t(1))}});
}

class KernelReport : public Tools {
 protected:
  void SetUp() override {
    Tools::SetUp();
    if (run("python3 --version").status != 0) GTEST_SKIP() << "no python3";
    write("75.cubin", object(false));
    write("90.cubin", object(true));
    program("nvcc", "for last; do :; done\ncat '" + folder +
                        "'/$(echo \"$@\" | sed 's/.*sm_\\([0-9]*\\).*/\\1/').cubin > $last\ncat >&2 <<'END'\n"
                        "ptxas info    : Compiling entry function 'kernel' for 'sm_90'\n"
                        "    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n"
                        "ptxas info    : Used 168 registers, used 1 barriers, 2048 bytes smem\nEND");
  }
  Outcome report(const std::string &arguments) {
    return run("NVCC='" + folder + "/bin/nvcc' tools/kernel_report " + arguments +
               " any.cu | awk '{ $1 = $1; print }'");
  }
};

TEST_F(KernelReport, CountsInTheObjectWhatNvccMade) {
  // 168 registers: 12 warps, 3 blocks; 2048 and 1024 bytes a block: more.
  EXPECT_TRUE(report("--arch 90").says("168 2048 8 16 5 2 0 3 128 3 18.8% kernel")) << report("--arch 90").text;
  EXPECT_TRUE(report("--arch 75").says("168 2048 8 16 5 2 0 3 128 3 37.5% kernel")) << report("--arch 75").text;
  // What a launch gives counts as well: 100 KiB each leave two.
  EXPECT_TRUE(report("--arch 90 --shared kern=102400").says("168 104448 8 16 5 2 0 3 128 2 12.5% kernel"));
}

TEST_F(KernelReport, LeavesOutWhatWasNotAskedFor) { EXPECT_FALSE(report("--match another").says("168")); }

TEST_F(KernelReport, SaysWhatFails) {
  const Outcome none = run("NVCC=/nowhere/nvcc tools/kernel_report any.cu");
  EXPECT_EQ(none.status, 1);
  EXPECT_TRUE(none.says("cannot run /nowhere/nvcc: No such file or directory")) << none.text;
  program("nvcc", "echo 'any.cu is no program' >&2; exit 2");
  const Outcome broken = run("NVCC='" + folder + "/bin/nvcc' tools/kernel_report any.cu");
  EXPECT_EQ(broken.status, 1);
  EXPECT_TRUE(broken.says("any.cu does not compile:\nany.cu is no program")) << broken.text;
}

}  // namespace
}  // namespace tools
