// The program started several times by mpirun, where it is built with MPI: what is written, who writes, what is
// refused, and what is left when one is killed. What each algorithm learns so is in tests/numerics/test_ranks*.cpp.
#include <chrono>
#include <fstream>
#include <thread>

#include "app/log.h"
#include "data/picture_files.h"
#include "program.h"

namespace coopnets {
namespace {

class Mpi : public ProgramTest {
 protected:
  void SetUp() override {
    if (!contains(run_program({"--version"}).out, "MPI")) GTEST_SKIP() << "built without MPI (make MPI=1)";
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 1);  // ranks that wait leave the processors to the others
  }
  static Arguments mpirun(int ranks) {
    return {"mpirun", "-n", std::to_string(ranks), "--oversubscribe", "--bind-to", "none"};
  }
  static Outcome run_ranks(int ranks, const Arguments &arguments) {
    return Program(arguments, RLIM_INFINITY, mpirun(ranks)).finish();
  }
  static void expect_ranks_succeed(int ranks, const Arguments &arguments) {
    const Outcome o = run_ranks(ranks, arguments);
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_EQ(o.err, "");
  }
  Arguments few_chains(Arguments trained) const {
    *(std::find(trained.begin(), trained.end(), "latent=2")) = "chains=4";
    return trained + Arguments{"--set", "latent=2"};
  }
  // The largest |difference| of the parameters of two runs, over the largest of them.
  double difference(const std::string &a, const std::string &b) const {
    const SafetensorsFile one(folder + "/texture/" + a + "/checkpoint.safetensors"),
        other(folder + "/texture/" + b + "/checkpoint.safetensors");
    double worst = 0, largest = 0;
    for (const StoredTensor &tensor : one.tensors()) {
      std::vector<float> x(static_cast<size_t>(tensor.size())), y(x.size());
      one.read_reals(tensor, 0, int64_t(x.size()), x.data());
      other.read_reals(other.at(tensor.name), 0, int64_t(y.size()), y.data());
      for (size_t i = 0; i < x.size(); ++i) {
        worst = std::max(worst, double(std::fabs(x[i] - y[i])));
        largest = std::max(largest, double(std::fabs(x[i])));
      }
    }
    return worst / largest;
  }
};

TEST_F(Mpi, ranks_learn_what_one_does_and_go_on_with_another_number) {
  expect_success(few_chains(train(4, "alone")));
  for (const int ranks : {2, 3}) {
    const std::string name = "ranks" + std::to_string(ranks);
    expect_ranks_succeed(ranks, few_chains(train(4, name)));
    EXPECT_LE(difference("alone", name), 1e-4);
    EXPECT_TRUE(std::filesystem::exists(folder + "/texture/" + name + "/report.html"));
  }
  expect_ranks_succeed(2, few_chains(train(4, "again")));
  EXPECT_TRUE(checkpoint("again") == checkpoint("ranks2"));

  expect_ranks_succeed(2, few_chains(train(2, "more")));
  expect_ranks_succeed(3, few_chains(train(3, "more")) + Arguments{"--resume"});
  expect_success(few_chains(train(4, "more")) + Arguments{"--resume"});
  EXPECT_LE(difference("alone", "more"), 1e-4);
}

TEST_F(Mpi, all_else_and_a_mistake_are_rank_0s) {
  const Outcome version = run_ranks(3, {"--version"});
  EXPECT_EQ(version.out, run_program({"--version"}).out);
  const Outcome mistake = run_ranks(3, {"--exp", "textur"});
  EXPECT_EQ(mistake.status, 2);
  size_t said = 0;
  for (size_t at = 0; (at = mistake.err.find("coopnets: ", at)) != std::string::npos; ++at) ++said;
  EXPECT_EQ(said, 1u) << mistake.err;
  EXPECT_CONTAINS(run_ranks(2, train(2) + Arguments{"--set", "chains=1"}).err, "too few for 2 ranks");
}

TEST_F(Mpi, ranks_draw_samples_together_and_all_are_those_of_one) {
  expect_success(few_chains(train(2)));
  const auto sampled = [&] { return read_file(path("sampled/descriptor.npy"), size_t{1} << 24); };
  expect_success(use({"--sample", "9", "--save", "npy"}));
  const std::string wanted = sampled();
  std::filesystem::remove_all(path("sampled"));
  expect_ranks_succeed(3, use({"--sample", "9", "--save", "npy"}));
  EXPECT_TRUE(sampled() == wanted);

  // Noise is that of a batch, whose size may not depend on the ranks.
  const Arguments running = use({"--sample", "9", "--save", "npy", "--set", "statistics=running"});
  expect_success(running);
  const std::string by_one = sampled();
  expect_ranks_succeed(3, running);
  EXPECT_TRUE(sampled() == by_one);

  const Arguments evaluate = use({"--evaluate", "--samples", "11"});  // three batches of four chains
  const Outcome alone = run_program(evaluate), together = run_ranks(2, evaluate);
  EXPECT_EQ(together.status, 0) << together.err;
  EXPECT_EQ(together.out, alone.out);
}

// What is judged of a texture is larger than what is learned of it.
TEST_F(Mpi, ranks_judge_textures_of_another_size_than_they_learned) {
  expect_success({"--exp", "texture", "--data", picture, "--out", folder, "--name", "run", "--threads", "1",
                  "--iterations", "1", "--set", "size=32", "border=0", "width=4", "levels=2", "batch=2",
                  "langevin_steps=1"});
  const Arguments evaluate = use({"--evaluate", "--samples", "5"});
  const Outcome alone = run_program(evaluate), together = run_ranks(2, evaluate);
  EXPECT_EQ(together.status, 0) << together.err;
  EXPECT_EQ(together.out, alone.out);
}

TEST_F(Mpi, ranks_learn_a_table_together_but_for_what_has_one_chain) {
  const std::string data = folder + "/digits_data";
  for (const auto &[name, count] : {std::pair<std::string, uint32_t>{"train", 60}, {"t10k", 11}}) {
    write_bytes(data + '/' + name + "-images-idx3-ubyte", idx({count, 28, 28}, noise(count * 28, 28, 1, count).pixels));
    write_bytes(data + '/' + name + "-labels-idx1-ubyte", idx({count}, std::vector<uint8_t>(count, 3)));
  }
  const Arguments table = {"--table",  "2",         "--data", data,        "--out", folder,         "--rows",
                           "cdrl,dbn", "--threads", "1",      "--samples", "70",    "--iterations", "12"};
  const Outcome together = run_ranks(2, table);
  EXPECT_EQ(together.status, 0) << together.err;
  EXPECT_CONTAINS(together.err, "needs the whole batch in one place: rank 0 learns it alone");
  const auto rows_of = [](const std::string &text) { return text.substr(text.find("Parzen")); };
  const Outcome evaluated = run_program(table);  // what is learned already
  EXPECT_EQ(rows_of(evaluated.out), rows_of(together.out));
}

TEST_F(Mpi, ranks_learn_and_judge_the_toy_together) {
  const Arguments toy = {"--exp", "toy", "--out", folder, "--iterations", "2", "--set", "examples=500"};
  const Outcome o = run_ranks(2, toy);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_CONTAINS(o.out, "distance");
}

// mpirun takes several programs, separated by ":".
TEST_F(Mpi, ranks_with_other_settings_or_data_are_refused) {
  const auto together = [&](const Arguments &first, const Arguments &second) {
    return Program(first + Arguments{":", "-n", "1", program()} + second, RLIM_INFINITY, mpirun(1)).finish();
  };
  const Arguments same = few_chains(train(2));
  const Outcome settings = together(same, same + Arguments{"--set", "sigma=2"});
  EXPECT_NE(settings.status, 0);
  EXPECT_CONTAINS(settings.err, "rank 1 has other options or settings");
  Arguments elsewhere = same;
  const std::string other = folder + "/other.png";
  save_png(other, Image(40, 48, 3));
  *std::find(elsewhere.begin(), elsewhere.end(), picture) = other;
  EXPECT_CONTAINS(together(same, elsewhere).err, "rank 1 has other data");
  *std::find(elsewhere.begin(), elsewhere.end(), other) = folder + "/missing.png";
  EXPECT_CONTAINS(together(same, elsewhere).err, "rank 1 of 2: ");
  EXPECT_FALSE(std::filesystem::exists(path("checkpoint.safetensors")));
}

// As on a full disk.
TEST_F(Mpi, a_checkpoint_that_cannot_be_written_ends_all_and_the_last_one_stands) {
  expect_ranks_succeed(2, few_chains(train(2)));
  const std::string before = checkpoint(), in_the_way = path("checkpoint.safetensors.partial");
  std::filesystem::create_directory(in_the_way);
  const Outcome full = run_ranks(2, few_chains(train(4)) + Arguments{"--resume"});
  EXPECT_EQ(full.status, 1);
  EXPECT_CONTAINS(full.err, "coopnets: could not write ");
  EXPECT_TRUE(checkpoint() == before);
  std::filesystem::remove(in_the_way);
  expect_ranks_succeed(3, few_chains(train(4)) + Arguments{"--resume"});
}

// The process that has `rank` of those that `parent` has started; 0 where there is none yet.
pid_t find_rank(pid_t parent, int rank) {
  const std::string wanted = "OMPI_COMM_WORLD_RANK=" + std::to_string(rank);
  for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = pid_t(std::atoi(entry.path().filename().c_str()));
    std::ifstream stat(entry.path() / "stat"), environment(entry.path() / "environ");
    std::string number, name, state;
    pid_t its_parent = 0;
    if (pid <= 0 || !(stat >> number >> name >> state >> its_parent) || its_parent != parent) continue;
    for (std::string word; std::getline(environment, word, '\0');)
      if (word == wanted) return pid;
  }
  return 0;
}

TEST_F(Mpi, a_rank_that_is_killed_ends_all_within_seconds_and_the_checkpoint_stands) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  for (const int killed : {0, 1}) {
    const std::string name = "killed" + std::to_string(killed);
    Program run(few_chains(train(1000000, name)), RLIM_INFINITY, mpirun(2));
    const auto rows = [&] {
      std::ifstream log(path("log.csv", name));
      return std::count(std::istreambuf_iterator<char>(log), {}, '\n');
    };
    const auto begin = now();
    while (rows() < 4 && now() - begin < std::chrono::seconds(60))
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const pid_t rank = find_rank(run.pid(), killed);
    ASSERT_GT(rank, 0);
    kill(rank, SIGKILL);
    const auto since = now();
    EXPECT_NE(run.finish().status, 0);
    EXPECT_LT(now() - since, std::chrono::seconds(15));
    EXPECT_NO_THROW(SafetensorsFile(path("checkpoint.safetensors", name)));
  }
  const int done =
      std::atoi(SafetensorsFile(path("checkpoint.safetensors", "killed0")).metadata().at("iteration").c_str());
  expect_ranks_succeed(3, few_chains(train(done + 2, "killed0")) + Arguments{"--resume"});
}

}  // namespace
}  // namespace coopnets
