#include "tensor/safetensors.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "files.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

template <class T>
TensorToStore stored(const std::string &name, ElementType type, std::vector<int64_t> shape, std::vector<T> values) {
  return {name, type, std::move(shape),
          [values](const TensorToStore::Sink &sink) { sink(values.data(), values.size() * sizeof(T)); }};
}

std::vector<TensorToStore> example() {
  return {stored<uint8_t>("bytes", ElementType::U8, {3}, {1, 2, 255}),
          stored<float>("descriptor.0.weight", ElementType::F32, {2, 3}, {0, -1, 2.5f, 1e-40f, 1e30f, -0.f}),
          stored<double>("scalar", ElementType::F64, {}, {0.1}), stored<float>("none", ElementType::F32, {4, 0}, {}),
          stored<int64_t>("count", ElementType::I64, {1}, {-7})};
}

class Safetensors : public FolderTest {
 protected:
  void put(const std::string &bytes) const {
    fs::remove(path);  // some file systems write to the disk at once what replaces a file by truncating it
    std::ofstream(path, std::ios::binary) << bytes;
  }

  // A file with this header (no padding) and `data` bytes of zeros.
  void put_header(const std::string &header, size_t data = 0) const {
    const uint64_t length = header.size();
    put(std::string(reinterpret_cast<const char *>(&length), 8) + header + std::string(data, '\0'));
  }

  // What opening and reading every tensor throws; "" when all is well. Anything but a std::runtime_error fails the
  // test.
  std::string error() const {
    try {
      const SafetensorsFile file(path);
      for (const StoredTensor &tensor : file.tensors()) {
        std::vector<char> bytes(size_t(tensor.bytes));
        file.read(tensor, bytes.data());
      }
    } catch (const std::runtime_error &error) {
      EXPECT_CONTAINS(error.what(), path);
      return error.what();
    }
    return "";
  }

  std::string header_error(const std::string &header, size_t data = 0) const {
    put_header(header, data);
    return error();
  }

  std::string path = folder + "/a.safetensors";
};

template <class T>
std::vector<T> values(const SafetensorsFile &file, const std::string &name) {
  const StoredTensor &tensor = file.at(name);
  std::vector<T> out(size_t(tensor.size()));
  file.read(tensor, out.data());
  return out;
}

TEST_F(Safetensors, round_trip) {
  const Metadata metadata = {{"config", "name=a \"b\" \\ \n\t\x01 caf\xC3\xA9 \xF0\x9F\x98\x80"}, {"", "empty key"}};
  write_safetensors(path, example(), metadata);
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(values<uint8_t>(file, "bytes"), (std::vector<uint8_t>{1, 2, 255}));
  EXPECT_EQ(values<double>(file, "scalar"), std::vector<double>{0.1});
  EXPECT_EQ(values<int64_t>(file, "count"), std::vector<int64_t>{-7});
  EXPECT_EQ(values<float>(file, "none").size(), 0u);
  const std::vector<float> weight = values<float>(file, "descriptor.0.weight");
  EXPECT_EQ(weight, (std::vector<float>{0, -1, 2.5f, 1e-40f, 1e30f, 0}));
  EXPECT_TRUE(std::signbit(weight[5]));
  EXPECT_EQ(file.at("descriptor.0.weight").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.at("none").shape, (std::vector<int64_t>{4, 0}));
  EXPECT_TRUE(file.at("scalar").shape.empty());
  for (const StoredTensor &tensor : file.tensors()) EXPECT_EQ(tensor.offset % bytes_of(tensor.type), 0) << tensor.name;

  float part[2];
  file.read(file.at("descriptor.0.weight"), 4, 8, part);
  EXPECT_EQ(part[0], -1);
  EXPECT_EQ(part[1], 2.5f);
  EXPECT_THROW(file.read(file.at("descriptor.0.weight"), 20, 8, part), std::invalid_argument);
  EXPECT_THROW(file.read(file.at("descriptor.0.weight"), -4, 8, part), std::invalid_argument);
  EXPECT_EQ(file.find("weight"), nullptr);
  EXPECT_THROW(file.at("weight"), std::runtime_error);
}

// Every pattern of bits and what it means, worked out by hand.
TEST_F(Safetensors, real_types_are_converted) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<uint16_t> halves = {0x3C00, 0xC000, 0x3555, 0x7BFF, 0x0400, 0x03FF, 0x0001,
                                        0x8001, 0x0000, 0x8000, 0x7C00, 0xFC00, 0x7E01, 0xFC01};
  const std::vector<float> meant = {1,         -2,   0x1.554p-2f, 65504,    0x1p-14f,  0x1.ff8p-15f, 0x1p-24f,
                                    -0x1p-24f, 0.0f, -0.0f,       infinity, -infinity, NAN,          -NAN};
  const std::vector<uint16_t> brains = {0x3F80, 0xC000, 0x3EAB, 0x7F7F, 0x0080, 0x007F, 0x0001,
                                        0x8001, 0x0000, 0x8000, 0x7F80, 0xFF80, 0x7FC1, 0xFF81};
  const std::vector<float> brains_mean = {1,          -2,   0x1.56p-2f, 0x1.fep127f, 0x1p-126f, 0x1.fcp-127f, 0x1p-133f,
                                          -0x1p-133f, 0.0f, -0.0f,      infinity,    -infinity, NAN,          -NAN};
  // Of a double: what a float has no room for is rounded to even, to a subnormal, to zero.
  const std::vector<uint64_t> doubles = {0x3FF0000000000000, 0xBFF0000010000000, 0x3FF0000030000000, 0x36A0000000000000,
                                         0x0000000000000001, 0x8000000000000000, 0x47EFFFFFE0000000, 0x7FF0000000000000,
                                         0xFFF0000000000000, 0x7FF8000000000001};
  const std::vector<float> doubles_mean = {1,     -1,      0x1.000004p0f, 0x1p-149f, 0.0f,
                                           -0.0f, FLT_MAX, infinity,      -infinity, NAN};
  write_safetensors(path,
                    {stored("half", ElementType::F16, {14}, halves), stored("brain", ElementType::BF16, {2, 7}, brains),
                     stored("double", ElementType::F64, {10}, doubles), stored("own", ElementType::F32, {14}, meant)},
                    {});
  const SafetensorsFile file(path);
  const auto check = [&](const std::string &name, const std::vector<float> &expected) {
    const StoredTensor &tensor = file.at(name);
    std::vector<real> values(expected.size());
    file.read_reals(tensor, 0, tensor.size(), values.data());
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(std::isnan(expected[i]) ? std::isnan(values[i]) : values[i] == expected[i]) << name << ' ' << i;
      EXPECT_TRUE(std::isnan(expected[i]) || std::signbit(values[i]) == std::signbit(expected[i])) << name << ' ' << i;
    }
    file.read_reals(tensor, 3, 2, values.data());
    EXPECT_TRUE(values[0] == expected[3] && values[1] == expected[4]) << name;
    EXPECT_THROW(file.read_reals(tensor, tensor.size() - 1, 2, values.data()), std::invalid_argument);
    EXPECT_THROW(file.read_reals(tensor, -1, 1, values.data()), std::invalid_argument);
  };
  check("half", meant);
  check("brain", brains_mean);
  check("double", doubles_mean);
  check("own", meant);
}

// More than one piece; what is too large, and types that are no real numbers.
TEST_F(Safetensors, real_types_of_many_elements_and_what_is_refused) {
  std::vector<double> many(200'000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = double(i) / 8;
  std::vector<double> large = {1, -0x1.ffffffp127};  // halfway from the largest float to 2^128
  write_safetensors(
      path,
      {stored("many", ElementType::F64, {200'000}, many), stored("large", ElementType::F64, {2}, large),
       stored<int32_t>("whole", ElementType::I32, {1}, {1}), stored<uint8_t>("eighth", ElementType::F8_E4M3, {1}, {1})},
      {});
  const SafetensorsFile file(path);
  std::vector<real> values(many.size());
  file.read_reals(file.at("many"), 1, 199'999, values.data());
  for (size_t i = 1; i < many.size(); ++i) ASSERT_EQ(values[i - 1], real(many[i]));
  const auto refusal = [&](const std::string &name) {
    return error_of([&] { file.read_reals(file.at(name), 0, file.at(name).size(), values.data()); });
  };
  EXPECT_CONTAINS(refusal("large"), path + ": the tensor 'large' holds -3402823");
  EXPECT_CONTAINS(refusal("large"), "too large for a 32-bit number");
  EXPECT_EQ(refusal("whole"),
            path + ": the tensor 'whole' has the type I32, which is not read (F16, BF16, F32 and F64 are)");
  EXPECT_CONTAINS(refusal("eighth"), "the type F8_E4M3, which is not read");
}

TEST_F(Safetensors, golden_bytes) {
  write_safetensors(
      path,
      {stored<uint8_t>("b", ElementType::U8, {2}, {7, 9}), stored<float>("a\n", ElementType::F32, {1, 2}, {1, -2})},
      {{"k", "v\xFF"}});
  const std::string header =
      "{\"__metadata__\":{\"k\":\"v\xEF\xBF\xBD\"},"
      "\"a\\u000a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
      "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[8,10]}}";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  const std::string length = {char(header.size() + padding.size()), 0, 0, 0, 0, 0, 0, 0};
  const std::string data("\0\0\x80\x3F\0\0\0\xC0\7\11", 10);
  EXPECT_EQ(read_file(path), length + header + padding + data);
}

TEST_F(Safetensors, data_may_come_in_pieces_but_must_be_as_long_as_the_shape_says) {
  TensorToStore tensor = {"a", ElementType::U8, {6}, [](const TensorToStore::Sink &sink) {
                            for (const char *piece : {"ab", "", "cde", "f"}) sink(piece, std::strlen(piece));
                          }};
  write_safetensors(path, {tensor}, {});
  const std::string good = read_file(path);
  EXPECT_EQ(good.substr(good.size() - 6), "abcdef");
  for (const int64_t wrong : {5, 7, -1}) {
    tensor.shape = {wrong};
    EXPECT_THROW(write_safetensors(path, {tensor}, {}), std::invalid_argument);
  }
  tensor.shape = {int64_t{1} << 62, 4};
  EXPECT_THROW(write_safetensors(path, {tensor}, {}), std::invalid_argument);
  tensor.shape = {int64_t{1} << 62};
  TensorToStore other = tensor;
  other.name = "b";
  EXPECT_THROW(write_safetensors(path, {tensor, other}, {}), std::invalid_argument);
  tensor.shape = {6};
  EXPECT_THROW(write_safetensors(path, {tensor, tensor}, {}), std::invalid_argument);
  tensor.name = "__metadata__";
  EXPECT_THROW(write_safetensors(path, {tensor}, {}), std::invalid_argument);
  EXPECT_EQ(read_file(path), good);
}

// A reading of the format from its description alone, sharing nothing with the reader: it searches the header's text.
TEST_F(Safetensors, an_independent_reader_finds_the_values) {
  write_safetensors(path, example(), {{"iteration", "12"}});
  const std::string bytes = read_file(path);
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(bytes[size_t(i)]);
  EXPECT_EQ(length % 8, 0u);
  const std::string header = bytes.substr(8, length);
  EXPECT_EQ(header.substr(0, 34), "{\"__metadata__\":{\"iteration\":\"12\"}");
  const size_t entry = header.find("\"descriptor.0.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],");
  ASSERT_NE(entry, std::string::npos);
  const size_t offsets = header.find('[', header.find("data_offsets", entry)) + 1;
  const size_t begin = std::stoul(header.substr(offsets));
  EXPECT_EQ(std::stoul(header.substr(header.find(',', offsets) + 1)), begin + 24);
  float value;
  std::memcpy(&value, bytes.data() + 8 + length + begin + 8, 4);
  EXPECT_EQ(value, 2.5f);
}

TEST_F(Safetensors, python_reads_it) {
  const std::string script =
      "import json, struct, sys\n"
      "data = open(sys.argv[1], 'rb').read()\n"
      "n = struct.unpack('<Q', data[:8])[0]\n"
      "header = json.loads(data[8:8 + n])\n"
      "assert header.pop('__metadata__') == {'note': 'caf\\u00e9 \\n \"'}\n"
      "def get(name, code):\n"
      "  b, e = header[name]['data_offsets']\n"
      "  return struct.unpack('<%d%s' % ((e - b) // struct.calcsize(code), code), data[8 + n + b:8 + n + e])\n"
      "assert get('descriptor.0.weight', 'f')[2] == 2.5 and header['descriptor.0.weight']['shape'] == [2, 3]\n"
      "assert get('scalar', 'd') == (0.1,) and get('count', 'q') == (-7,) and get('bytes', 'B') == (1, 2, 255)\n"
      "assert max(t['data_offsets'][1] for t in header.values()) == len(data) - 8 - n\n"
      "try:\n"
      "  from safetensors.numpy import load_file\n"
      "except ImportError:\n"
      "  sys.exit(0)\n"
      "assert load_file(sys.argv[1])['descriptor.0.weight'][0, 2] == 2.5\n";
  if (std::system("python3 -c pass 2>/dev/null") != 0) GTEST_SKIP() << "needs python3";
  write_safetensors(path, example(), {{"note", "caf\xC3\xA9 \n \""}});
  write_atomically(folder + "/read.py", script);
  EXPECT_EQ(std::system(("python3 '" + folder + "/read.py' '" + path + "'").c_str()), 0);
}

TEST_F(Safetensors, truncated_at_every_length) {
  write_safetensors(path, example(), {{"iteration", "12"}});
  const std::string good = read_file(path);
  for (size_t length = 0; length < good.size(); ++length) {
    put(good.substr(0, length));
    ASSERT_NE(error(), "") << length;
  }
  put(good + '\0');
  EXPECT_CONTAINS(error(), "bytes of data, the file has");
  put(good);
  EXPECT_EQ(error(), "");
}

TEST_F(Safetensors, every_byte_changed_reads_or_throws) {
  write_safetensors(path, example(), {{"iteration", "12"}});
  const std::string good = read_file(path);
  for (size_t i = 0; i < good.size(); ++i)
    for (const int mask : {0x01, 0x10, 0x80}) {
      std::string bad = good;
      bad[i] = char(bad[i] ^ mask);
      put(bad);
      error();
    }
}

TEST_F(Safetensors, hostile_headers) {
  const auto entry = [](const std::string &shape, const std::string &offsets, const std::string &type = "F32") {
    return "{\"a\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
  };
  EXPECT_EQ(header_error("{}"), "");
  EXPECT_EQ(header_error(" {}").empty(), false);
  EXPECT_EQ(header_error(entry("[2]", "[0,8]"), 8), "");
  EXPECT_EQ(header_error("{ \"a\" :\t{\"shape\":[ ] , \"data_offsets\":[0,4],\"dtype\":\"F32\"}\n}  ", 4), "");

  EXPECT_CONTAINS(header_error(entry("[2]", "[0,7]"), 7), "'a' 7 bytes, its shape and type need 8");
  EXPECT_CONTAINS(header_error(entry("[2]", "[0,8]"), 7), "8 bytes of data, the file has 7");
  EXPECT_CONTAINS(header_error(entry("[2]", "[4,12]"), 12), "begins at byte 4, the one before ends at byte 0");
  EXPECT_CONTAINS(header_error(entry("[2]", "[8,0]"), 8), "broken data_offsets");
  EXPECT_CONTAINS(header_error(entry("[2]", "[0,8,8]"), 8), "broken data_offsets");
  EXPECT_CONTAINS(header_error(entry("[2]", "[8]"), 8), "broken data_offsets");
  EXPECT_CONTAINS(header_error(entry("[-2]", "[0,8]"), 8), "lacks a whole number");
  EXPECT_CONTAINS(header_error(entry("[2.0]", "[0,8]"), 8), "lacks a ']'");
  EXPECT_CONTAINS(header_error(entry("[02]", "[0,8]"), 8), "leading zero");
  EXPECT_CONTAINS(header_error(entry("[2,]", "[0,8]"), 8), "lacks a whole number");
  EXPECT_CONTAINS(header_error(entry("[[2]]", "[0,8]"), 8), "lacks a whole number");
  EXPECT_CONTAINS(header_error(entry("[9223372036854775808]", "[0,8]"), 8), "too large");
  EXPECT_CONTAINS(header_error(entry("[18446744073709551618]", "[0,8]"), 8), "too large");
  EXPECT_CONTAINS(header_error(entry("[4611686018427387904,4,2]", "[0,8]"), 8), "absurd shape");
  EXPECT_CONTAINS(header_error(entry("[4294967296,4294967296]", "[0,0]")), "absurd shape");
  EXPECT_CONTAINS(header_error(entry("[2305843009213693951]", "[0,9223372036854775804]")), "the file has 0");
  EXPECT_CONTAINS(header_error(entry("[2]", "[0,8]", "Q4"), 8), "unknown type 'Q4'");
  EXPECT_CONTAINS(header_error("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}"), "lacks the dtype");
  EXPECT_CONTAINS(header_error("{\"a\":{\"shape\":[],\"shape\":[]}}"), "twice");
  EXPECT_CONTAINS(header_error("{\"a\":{\"x\":[]}}"), "unknown");
  EXPECT_CONTAINS(header_error("{\"a\":{\"shape\":[" + std::string(99, '1') + "]}}"), "too large");
  std::string ones = "1";
  for (int i = 0; i < 40; ++i) ones += ",1";
  EXPECT_CONTAINS(header_error(entry("[" + ones + "]", "[0,4]"), 4), "too many sides");

  const std::string a = "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}";
  const auto b = [](const std::string &offsets) {
    return "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + offsets + "}";
  };
  EXPECT_EQ(header_error("{" + b("[4,8]") + "," + a + "}", 8), "");
  EXPECT_EQ(header_error("{" + a + ",\"e\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 4), "");
  EXPECT_CONTAINS(header_error("{" + a + "," + b("[0,4]") + "}", 4), "begins at byte 0");
  EXPECT_CONTAINS(header_error("{" + a + "," + b("[2,6]") + "}", 6), "begins at byte 2");
  EXPECT_CONTAINS(header_error("{" + a + "," + b("[5,9]") + "}", 9), "begins at byte 5");
  EXPECT_CONTAINS(header_error("{" + a + "," + a + "}", 4), "'a' twice");
  EXPECT_CONTAINS(header_error("{" + a + ",}", 4), "lacks a '\"'");
  EXPECT_CONTAINS(header_error("{" + a + "}}", 4), "goes on after its end");
  EXPECT_CONTAINS(header_error("{" + a, 4), "lacks a '}'");
  EXPECT_CONTAINS(header_error("{\"__metadata__\":{\"a\":1}}"), "lacks a '\"'");
  EXPECT_CONTAINS(header_error("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"), "twice");
  EXPECT_CONTAINS(header_error("{\"__metadata__\":{},\"__metadata__\":{}}"), "twice");
  header_error(std::string(1 << 20, '['));
  header_error(std::string(1 << 20, '{'));

  const std::string huge = std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8) + "{}";
  put(huge);
  EXPECT_CONTAINS(error(), "18446744073709551615");
  put(std::string("\0\0\1\0\0\0\0\0", 8) + "{}");
  EXPECT_CONTAINS(error(), "65536 bytes, the file has 10");
  put(std::string("\0\0\0\0\0\0\0\x80", 8) + "{}");
  EXPECT_CONTAINS(error(), "the file has 10");
}

TEST_F(Safetensors, strings_of_the_header) {
  const auto metadata = [this](const std::string &quoted) {
    put_header("{\"__metadata__\":{\"k\":\"" + quoted + "\"}}");
    return SafetensorsFile(path).metadata().at("k");
  };
  EXPECT_EQ(metadata(R"(\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00)"),
            "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(metadata("\xF4\x8F\xBF\xBF\xEF\xBF\xBD"), "\xF4\x8F\xBF\xBF\xEF\xBF\xBD");
  EXPECT_EQ(metadata(R"(\u0000)"), std::string(1, '\0'));
  for (const char *bad : {R"(\x)", R"(\u12)", R"(\u12g4)", R"(\ud83d)", R"(\ud83dA)", R"(\ud83d\u0041)", R"(\ude00)",
                          "\n", "\x01", "\x80", "\xC0\xAF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\\"})
    EXPECT_THROW(metadata(bad), std::runtime_error) << bad;
  const std::string escape = header_error("{\"\\u001b[2J" + std::string(99, 'x') + "\":{}}");
  EXPECT_EQ(escape.find('\x1b'), std::string::npos);
  EXPECT_LE(escape.size(), path.size() + 200);
}

TEST_F(Safetensors, says_what_cannot_be_opened) {
  EXPECT_EQ(error(), "could not read " + path + ": No such file or directory");
  path = folder;
  EXPECT_CONTAINS(error(), "it is not a regular file");
}

TEST_F(Safetensors, a_failing_source_leaves_the_checkpoint_that_was_there) {
  write_safetensors(path, example(), {}, Previous::kept);
  const std::string good = read_file(path);
  TensorToStore tensor = {
      "a", ElementType::U8, {1}, [](const TensorToStore::Sink &) { throw std::runtime_error("lost"); }};
  EXPECT_THROW(write_safetensors(path, {tensor}, {}, Previous::kept), std::runtime_error);
  EXPECT_EQ(read_file(path), good);
  EXPECT_FALSE(fs::exists(previous_version(path)));
  EXPECT_FALSE(fs::exists(path + ".partial"));
}

}  // namespace
}  // namespace coopnets
