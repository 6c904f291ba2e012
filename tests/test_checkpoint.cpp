#include "learning/checkpoint.h"

#include <limits>

#include "cpu/cpu.h"
#include "files.h"
#include "learning/health.h"

namespace coopnets {
namespace {

class CheckpointTest : public FolderTest {
 protected:
  // Tensors of some shapes, one of them longer than the pieces in which a device is read.
  CheckpointTest() {
    add("a.filters", {1, 3, 3, 2, 5});
    add("b", {1, 1, 1, 1, 1});
    add("large", {2, 1, 1500, 1500, 1});
    for (size_t i = 0; i < tensors.size(); ++i) backend->fill_normal(tensors[i], 0, 1, {7, Purpose::test}, int64_t(i));
  }
  void add(const char *name, const Shape &shape) {
    tensors.emplace_back(*backend, shape);
    names.emplace_back(name);
  }
  NamedViews state() {
    NamedViews all;
    for (size_t i = 0; i < tensors.size(); ++i) all.emplace_back(names[i], tensors[i]);
    return all;
  }
  std::vector<std::vector<real>> values() const {
    std::vector<std::vector<real>> all;
    for (const Tensor &t : tensors) all.push_back(t.values());
    return all;
  }
  // Loading `state` throws this sentence, and no tensor changes.
  std::string refusal(const NamedViews &wanted) {
    for (Tensor &t : tensors) backend->fill(t, 9);
    const auto before = values();
    const SafetensorsFile file(path);
    const std::string sentence = error_of([&] { load_checkpoint(file, *backend, wanted); });
    EXPECT_TRUE(values() == before);
    EXPECT_CONTAINS(sentence, path);
    return sentence;
  }

  const std::string path = folder + "/checkpoint.safetensors";
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  std::vector<Tensor> tensors;
  std::vector<std::string> names;
};

TEST_F(CheckpointTest, comes_back_as_it_was) {
  const auto before = values();
  save_checkpoint(path, *backend, state(), {{"iteration", "12"}});
  for (Tensor &t : tensors) backend->fill(t, 9);
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("iteration"), "12");
  EXPECT_EQ(file.at("a.filters").shape, (std::vector<int64_t>{1, 3, 3, 2, 5}));
  load_checkpoint(file, *backend, state());
  EXPECT_TRUE(values() == before);

  NamedViews one = {state()[1]};  // the file may hold others
  backend->fill(tensors[1], 9);
  load_checkpoint(file, *backend, one);
  EXPECT_TRUE(values() == before);
}

TEST_F(CheckpointTest, keeps_the_one_before) {
  save_checkpoint(path, *backend, state(), {{"iteration", "1"}});
  save_checkpoint(path, *backend, state(), {{"iteration", "2"}});
  EXPECT_EQ(SafetensorsFile(path).metadata().at("iteration"), "2");
  EXPECT_EQ(SafetensorsFile(previous_version(path)).metadata().at("iteration"), "1");
  EXPECT_EQ(files(), 2u);
}

TEST_F(CheckpointTest, one_that_does_not_fit_changes_nothing) {
  save_checkpoint(path, *backend, state(), {});
  NamedViews wanted = state();
  wanted[2].first = "larger";
  EXPECT_CONTAINS(refusal(wanted), "no tensor 'larger'");
  wanted = state();
  wanted[2].second.shape = {2, 1, 1500, 750, 2};  // as many elements
  EXPECT_CONTAINS(refusal(wanted), "the tensor 'large' should be 2x1x1500x750x2");

  std::vector<TensorToStore> stored;
  for (const auto &[name, view] : state()) {
    const Shape &s = view.shape;
    const ElementType type = name == "b" ? ElementType::I32 : ElementType::F32;
    stored.push_back({name, type, {s.n, s.t, s.h, s.w, s.c}, [view = view](const TensorToStore::Sink &sink) {
                        sink(view.data, size_t(view.shape.size()) * sizeof(real));
                      }});
  }
  write_safetensors(path, stored, {});
  EXPECT_CONTAINS(refusal(state()), "the tensor 'b' has the type I32, which is not read");
}

// What other tools made of a checkpoint. What is too large for a float is found before anything changes.
TEST_F(CheckpointTest, of_other_real_types_is_read) {
  const NamedViews b = {state()[1]};
  const auto store = [&](ElementType type, std::vector<uint8_t> bytes) {
    write_safetensors(
        path,
        {{"b", type, {1, 1, 1, 1, 1}, [&](const TensorToStore::Sink &sink) { sink(bytes.data(), bytes.size()); }}}, {});
  };
  const std::vector<std::pair<ElementType, std::vector<uint8_t>>> minus_one_and_a_half = {
      {ElementType::F16, {0x00, 0xBE}},
      {ElementType::BF16, {0xC0, 0xBF}},
      {ElementType::F32, {0, 0, 0xC0, 0xBF}},
      {ElementType::F64, {0, 0, 0, 0, 0, 0, 0xF8, 0xBF}}};
  for (const auto &[type, bytes] : minus_one_and_a_half) {
    store(type, bytes);
    backend->fill(tensors[1], 9);
    load_checkpoint(SafetensorsFile(path), *backend, b);
    EXPECT_EQ(tensors[1].values(), std::vector<real>{-1.5}) << name_of(type);
  }
  store(ElementType::F64, {0, 0, 0, 0, 0, 0, 0xF0, 0x47});  // 2^128
  EXPECT_CONTAINS(refusal(b), "'b' holds 340282366920938463463374607431768211456.000000, which is too large");
  store(ElementType::F16, {0x00, 0x7C});
  EXPECT_CONTAINS(refusal(b), "is damaged: 'b' holds inf");
}

TEST_F(CheckpointTest, one_that_has_diverged_does_not_replace_one_that_has_not) {
  save_checkpoint(path, *backend, state(), {});
  const std::string before = read_file(path, size_t{1} << 26);
  for (const real bad : {std::numeric_limits<real>::quiet_NaN(), -std::numeric_limits<real>::infinity()}) {
    std::vector<real> host = tensors[2].values();
    host.back() = bad;
    tensors[2].set_values(host);
    EXPECT_CONTAINS(error_of<LearningFailed>([&] { save_checkpoint(path, *backend, state(), {}); }),
                    "a value of 'large' is no longer a finite number, so learning stops");
    EXPECT_TRUE(read_file(path, size_t{1} << 26) == before);
    EXPECT_EQ(files(), 1u);
  }
}

}  // namespace
}  // namespace coopnets
