// What a run survives: stops, kills, full disks, damaged checkpoints. A run goes on exactly where it was.
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <thread>

#include "program.h"
#include "tensor/random.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

void wait_a_moment(double milliseconds = 1) {
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
}

class Resume : public ProgramTest {
 protected:
  Arguments resume(int iterations, int threads = 1) const {
    return train(iterations, "run", threads) + Arguments{"--resume"};
  }
  int64_t rows() const {
    std::ifstream log(path("log.csv"));
    return std::count(std::istreambuf_iterator<char>(log), {}, '\n') - 1;
  }
  std::string saved_iteration() const {
    return SafetensorsFile(path("checkpoint.safetensors")).metadata().at("iteration");
  }
};

TEST_F(Resume, stopped_anywhere_is_straight_whatever_the_threads) {
  expect_success(train(6, "straight"));
  expect_success(train(6, "two_threads", 2));
  EXPECT_TRUE(checkpoint("two_threads") == checkpoint("straight"));
  for (const int threads : {1, 2}) {
    expect_success(train(1, "run", threads) + Arguments{"--overwrite"});
    for (const int stop : {3, 5, 6}) expect_success(resume(stop, threads));
    EXPECT_TRUE(checkpoint() == checkpoint("straight"));
    EXPECT_EQ(rows(), 6);
  }
  // The moments and the random numbers matter: a run of another seed is another one.
  expect_success(train(6, "other") + Arguments{"--seed", "2"});
  EXPECT_FALSE(checkpoint("other") == checkpoint("straight"));

  // There is nothing left to do, and it takes no more options than the number of iterations.
  const auto before = contents();
  EXPECT_CONTAINS(run_program(resume(6)).out, "already has its 6 iterations");
  EXPECT_CONTAINS(failure_of(resume(9) + Arguments{"--seed", "2"}), "seed '1', not '2'");
  EXPECT_CONTAINS(failure_of(resume(9) + Arguments{"--set", "sigma=2"}), "sigma");
  // A schedule is laid over the whole run, so that a longer run is another one from its first iteration on.
  const Arguments scheduled = {"--set", "schedule_steps=4"};
  expect_success(train(2, "scheduled") + scheduled);
  EXPECT_CONTAINS(failure_of(train(4, "scheduled") + scheduled + Arguments{"--resume"}), "iterations '2', not '4'");
  // One that halves the rates is stretched, and that is said.
  const Arguments halved = {"--set", "halvings=1"};
  expect_success(train(2, "halved") + halved);
  const Outcome longer = run_program(train(4, "halved") + halved + Arguments{"--resume"});
  EXPECT_EQ(longer.status, 0);
  EXPECT_CONTAINS(longer.err, "laid over 4 iterations now, instead of 2");
  EXPECT_CONTAINS(longer.err, "they are 0.5 times their first value from here on, and were 0.5 times");
  // So is the part of it that draws noise.
  const Arguments cooled = {"--set", "langevin_noise_until=0.5"};
  expect_success(train(4, "cooled") + cooled);
  EXPECT_CONTAINS(run_program(train(12, "cooled") + cooled + Arguments{"--resume"}).err, "is on again");
  // Another picture by the same name is another run.
  Image other = load_image(picture);
  for (uint8_t &p : other.pixels) p ^= 255;
  save_png(picture, other);
  const std::string changed = failure_of(resume(9));
  EXPECT_CONTAINS(changed, "was made with data '1 example ");
  EXPECT_CONTAINS(changed, " (what '" + picture + "' holds has changed); a run goes on as it began");
  // What is read of a picture depends on settings: it need not have changed where one of them has.
  EXPECT_EQ(failure_of(resume(9) + Arguments{"--set", "crop=centre"}).find("holds has changed"), std::string::npos);
  const std::string another = folder + "/another.png";
  save_png(another, other);
  Arguments elsewhere = resume(9);
  elsewhere[3] = another;
  EXPECT_CONTAINS(failure_of(elsewhere), " (of '" + picture + "', not of '" + another + "'); a run goes on");
  // Every difference is named, each with both values.
  const std::string several = failure_of(by("descriptor", resume(9)) + Arguments{"--set", "size=64"});
  EXPECT_CONTAINS(several, "was made with algorithm 'cooperative', not 'descriptor'; with data '1 example ");
  EXPECT_CONTAINS(several, "; with size '32', not '64'");
  EXPECT_TRUE(contents() == before);
}

TEST_F(Resume, every_algorithm_is_exact) {
  for (const std::string algorithm : {"persistent-cd", "generator", "cooperative"}) {
    Arguments more = {"--set", "generator_steps=2"};
    if (algorithm == "cooperative") more.push_back("data_weight=0.3");  // beside what the other tests resume
    const std::string name = "straight_" + algorithm;
    expect_success(by(algorithm, train(4, name)) + more);
    expect_success(by(algorithm, train(3)) + more + Arguments{"--overwrite"});
    expect_success(by(algorithm, resume(4)) + more);
    EXPECT_TRUE(checkpoint() == checkpoint(name)) << algorithm;
  }
}

TEST_F(Resume, interrupted_finishes_its_iteration_and_says_how_to_go_on) {
  expect_success(train(40, "straight"));
  for (const int signal : {SIGINT, SIGTERM}) {
    Outcome o = {0, "", ""};
    for (int attempt = 0; attempt < 20 && o.status == 0; ++attempt) {  // a slow test may miss a whole run
      fs::remove_all(path(""));
      Program run(train(40));
      while (run.runs() && rows() < 3) wait_a_moment();
      run.send(signal);
      o = run.finish();
    }
    ASSERT_EQ(o.status, 130) << o.err;
    EXPECT_CONTAINS(o.err, "finishing this iteration");
    EXPECT_CONTAINS(o.out, "interrupted after iteration " + saved_iteration());
    EXPECT_CONTAINS(o.out, "The same command with --resume goes on");
    EXPECT_EQ(std::to_string(rows()), saved_iteration());
    expect_success(resume(40));
    EXPECT_TRUE(checkpoint() == checkpoint("straight"));
    EXPECT_EQ(rows(), 40);
  }
}

TEST_F(Resume, killed_at_any_moment_leaves_a_readable_checkpoint) {
  const Arguments averaged = {"--set", "averaging=0.3"};  // a part of the run, whose length stays
  expect_success(train(21, "straight") + averaged);
  const std::string partial = path("checkpoint.safetensors.partial");
  int kills = 0;
  for (uint64_t attempt = 0; attempt < 16; ++attempt) {
    if (fs::exists(path("checkpoint.safetensors")) && saved_iteration() == "21") fs::remove_all(path(""));
    const bool begun = fs::exists(path("checkpoint.safetensors"));
    Program run(train(21) + averaged + Arguments{begun ? "--resume" : "--overwrite"});
    if (attempt % 2 == 0) {  // while a checkpoint is being written
      while (run.runs() && !fs::exists(partial)) wait_a_moment(0.1);
    } else {
      wait_a_moment(random_block({1, Purpose::test}, 0, 0, attempt).v[0] % 200);
    }
    run.send(SIGKILL);
    const Outcome o = run.finish();
    ASSERT_TRUE(o.status == -SIGKILL || o.status == 0) << o.status << o.err;
    kills += o.status == -SIGKILL;
    if (begun) {
      ASSERT_TRUE(fs::exists(path("checkpoint.safetensors")));
    }
    for (const char *name : {"checkpoint.safetensors", "checkpoint.previous.safetensors"})
      if (fs::exists(path(name))) {
        EXPECT_NO_THROW(SafetensorsFile file(path(name)));
      }
  }
  EXPECT_GE(kills, 4);
  if (!fs::exists(path("checkpoint.safetensors"))) expect_success(train(21) + averaged + Arguments{"--overwrite"});
  expect_success(resume(21) + averaged);
  EXPECT_TRUE(checkpoint() == checkpoint("straight"));
  EXPECT_EQ(rows(), 21);
}

TEST_F(Resume, a_full_disk_is_one_sentence_and_costs_nothing) {
  expect_success(train(4, "straight"));
  for (const rlim_t limit : {0, 100, 1000, 100000}) {
    EXPECT_CONTAINS(failure_of(train(2, "full"), 1, limit), path("", "full")) << limit;
    fs::remove_all(path("", "full"));
  }
  expect_success(train(2));
  const std::string before = checkpoint();
  const auto everything = contents();
  for (const rlim_t limit : {0, 1000, 100000}) {  // too full to replace the run by another
    EXPECT_CONTAINS(failure_of(train(2) + Arguments{"--overwrite", "--seed", "2"}, 1, limit), path(""));
    EXPECT_TRUE(contents() == everything) << limit;
  }
  EXPECT_CONTAINS(failure_of(resume(4), 1, 100000), path("checkpoint.safetensors"));
  EXPECT_TRUE(checkpoint() == before);
  EXPECT_FALSE(fs::exists(path("checkpoint.safetensors.partial")));
  EXPECT_CONTAINS(failure_of(use({"--sample", "1"}), 1, 100), folder);
  expect_success(resume(4));
  EXPECT_TRUE(checkpoint() == checkpoint("straight"));
}

// Checkpoints that are none, each refused by --resume and by --sample.
class Damaged : public Resume {
 protected:
  Damaged() {
    expect_success(train(2));
    good_ = checkpoint();
    settings_ = SafetensorsFile(path("checkpoint.safetensors")).metadata().at("settings");
  }
  void refuse(const std::string &bytes, const std::string &why, bool sampling_too = true) const {
    fs::remove(path("checkpoint.safetensors"));
    write_atomically(path("checkpoint.safetensors"), bytes);
    const auto before = contents();
    EXPECT_CONTAINS(failure_of(resume(4)), "checkpoint.safetensors");
    if (sampling_too) {
      EXPECT_CONTAINS(failure_of(use({"--sample", "1"})), "checkpoint.safetensors");
    }
    EXPECT_TRUE(contents() == before) << why;
  }
  // The good checkpoint with other metadata, without tensors whose name contains `without`, and with `value` as the
  // first value of the tensor `spoiled`.
  std::string with(const Metadata &changes, const std::string &without = "-", const std::string &spoiled = "",
                   float value = 0) const {
    const std::string made = folder + "/made.safetensors", source = folder + "/good.safetensors";
    write_atomically(source, good_);
    const SafetensorsFile file(source);
    Metadata metadata = file.metadata();
    for (const auto &[key, value] : changes) metadata[key] = value;
    std::vector<TensorToStore> tensors;
    for (const StoredTensor &t : file.tensors())
      if (!contains(t.name, without))
        tensors.push_back({t.name, t.type, t.shape, [&, &t = t](const TensorToStore::Sink &sink) {
                             std::string bytes(size_t(t.bytes), '\0');
                             file.read(t, bytes.data());
                             if (t.name == spoiled) std::memcpy(bytes.data(), &value, sizeof value);
                             sink(bytes.data(), bytes.size());
                           }});
    write_safetensors(made, tensors, metadata);
    return read_file(made, size_t{1} << 26);
  }
  std::string settings(const std::string &line) const { return settings_ + line + '\n'; }
  std::string good_, settings_;
};

TEST_F(Damaged, files_are_refused) {
  for (const size_t length : {size_t{0}, size_t{7}, size_t{8}, size_t{1000}, good_.size() / 2, good_.size() - 1})
    refuse(good_.substr(0, length), "truncated to " + std::to_string(length));
  refuse(good_ + "x", "a byte too long");
  refuse("a letter to a friend", "text");
  std::string bytes = good_;
  bytes.replace(0, 8, std::string(7, '\xFF') + '\x7F');
  refuse(bytes, "endless header");
  bytes = good_;
  bytes[8] ^= 0x5A;
  refuse(bytes, "corrupt header");
}

TEST_F(Damaged, contents_are_refused) {
  refuse(with({{"format", "coopnets 99"}}), "format");
  refuse(with({{"format", "coopnets 1"}}), "settings of other meanings");
  refuse(with({{"iteration", "-1"}}), "negative iteration");
  refuse(with({{"iteration", "\x1b[2Jmany"}}), "iteration in words");
  refuse(with({{"experiment", std::string(100000, 'x')}}), "experiment");
  refuse(with({{"experiment", "digits"}}), "another experiment");
  refuse(with({{"settings", settings("\x1b[2J")}}), "no setting");
  refuse(with({{"settings", settings("colour=red")}}), "unknown setting");
  refuse(with({{"settings", settings("latent=1000000000")}}), "more filters than memory");
  refuse(with({{"settings", settings("latent=3")}}), "other filters");
  refuse(with({{"settings", settings("size=33")}}), "no nets of this size");
  refuse(with({{"settings", settings("descriptor=\x1b[2J")}}), "no net of this name");
  refuse(with({}, "descriptor.1.filters"), "missing tensor");
  refuse(with({}, "running_mean"), "missing statistics");
  refuse(with({}, "descriptor.1.bias.second_moment"), "missing moment", false);
  refuse(with({{"algorithm", "persistent-cd"}}), "another algorithm", false);
  refuse(with({}, "-", "generator.0.filters", NAN), "a value that is no number");
  refuse(with({}, "-", "descriptor.0.bias", INFINITY), "an infinite value");
  refuse(with({}, "-", "generator.0.running_variance", -1), "a negative variance");
}

TEST_F(Damaged, the_one_before_is_used_when_it_is_all_that_is_left) {
  fs::remove(path("checkpoint.safetensors"));
  expect_success(resume(2));
  EXPECT_TRUE(checkpoint() == good_);
  fs::remove_all(path(""));
  EXPECT_CONTAINS(failure_of(resume(2)), "there is no checkpoint to resume from");
}

// What a GPU learned is evaluated on whatever there is; a resumed run keeps its machine, and says where that is named.
TEST_F(ProgramTest, only_a_resumed_run_has_the_machine_of_its_config) {
  expect_success(train(1));
  std::string config = read_file(path("config.txt"));
  for (const auto &[before, after] :
       {std::pair("device=auto", "device=cuda"), std::pair("precision=fp32", "precision=bf16")}) {
    const size_t at = config.find(before);
    ASSERT_NE(at, std::string::npos) << config;
    config.replace(at, std::string(before).size(), after);
  }
  write_atomically(path("config.txt"), config);
  const Outcome o = run_program(use({"--evaluate", "--samples", "2"}));
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_CONTAINS(failure_of(use({"--resume", "--iterations", "2"})),
                  "device=cuda of " + path("config.txt") + " (--device changes it): ");
  EXPECT_CONTAINS(failure_of(use({"--resume", "--iterations", "2", "--device", "auto"})),
                  "precision=bf16 of " + path("config.txt") + " (--precision changes it) needs a GPU");
  expect_success(use({"--resume", "--iterations", "2", "--device", "cpu", "--precision", "fp32"}));
}

}  // namespace
}  // namespace coopnets
