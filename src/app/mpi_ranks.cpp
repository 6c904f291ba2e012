#include "app/mpi_ranks.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#ifdef COOPNETS_MPI
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <climits>
#include <memory>
#endif

namespace coopnets {

namespace {

// What Open MPI, MPICH and Slurm's PMI-2 and PMIx tell a program that they start.
bool started_with_others() {
  for (const char *name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(name)) return true;
  return false;
}

#ifdef COOPNETS_MPI

// A failed call ends all ranks (MPI_ERRORS_ARE_FATAL, which is MPI's default).
class MpiRanks final : public Ranks {
 public:
  MpiRanks() {
    int threads = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &threads);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &count_);
  }
  int rank() const override { return rank_; }
  int count() const override { return count_; }

  void gather(const void *own, const std::vector<size_t> &bytes, void *all) override {
    std::vector<int> counts, begins;
    size_t at = 0;
    for (const size_t one : bytes) {
      counts.push_back(as_int(one));
      begins.push_back(as_int(at));
      at += one;
    }
    MPI_Allgatherv(own, counts[size_t(rank_)], MPI_BYTE, all, counts.data(), begins.data(), MPI_BYTE, MPI_COMM_WORLD);
  }
  void exchange(const void *own, size_t bytes, void *all) override {
    MPI_Alltoall(own, as_int(bytes), MPI_BYTE, all, as_int(bytes), MPI_BYTE, MPI_COMM_WORLD);
  }
  void broadcast(void *data, size_t bytes, int from) override {
    MPI_Bcast(data, as_int(bytes), MPI_BYTE, from, MPI_COMM_WORLD);
  }

 private:
  static int as_int(size_t bytes) {
    if (bytes > size_t{INT_MAX}) throw std::runtime_error("MPI takes no more than 2 GiB at a time");
    return int(bytes);
  }
  int rank_ = 0, count_ = 1;
};

std::unique_ptr<MpiRanks> of_mpi;

#endif

}  // namespace

Ranks &program_ranks() {
  if (!started_with_others()) return one_rank();
#ifdef COOPNETS_MPI
  if (!of_mpi) of_mpi = std::make_unique<MpiRanks>();
  return *of_mpi;
#else
  const char *const size = std::getenv("OMPI_COMM_WORLD_SIZE") ? "OMPI_COMM_WORLD_SIZE" : "PMI_SIZE";
  if (std::getenv(size) && std::atoi(std::getenv(size)) > 1)
    throw std::runtime_error(
        "this program was built without MPI, so several at once would each learn the same; build it by make MPI=1");
  return one_rank();
#endif
}

int rank_on_machine() {
  for (const char *name : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"})
    if (const char *const number = std::getenv(name)) return std::atoi(number);
  return 0;
}

int end_ranks(int status, const std::string &why) {
  const auto say = [&](const std::string &who) {
    if (!why.empty()) std::fprintf(stderr, "coopnets: %s%s\n", who.c_str(), why.c_str());
  };
#ifdef COOPNETS_MPI
  if (of_mpi && of_mpi->count() > 1) {
    const int rank = of_mpi->rank();
    constexpr std::chrono::seconds patience{2};  // in which rank 0, if it fails too, says why and ends all
    if (status != 0 && rank > 0) std::this_thread::sleep_for(patience);
    say(rank == 0 ? "" : "rank " + std::to_string(rank) + " of " + std::to_string(of_mpi->count()) + ": ");
    std::fflush(nullptr);
    if (!why.empty()) MPI_Abort(MPI_COMM_WORLD, status);
  } else {
    say("");
  }
  if (of_mpi) MPI_Finalize();
#else
  say("");
#endif
  return status;
}

}  // namespace coopnets
