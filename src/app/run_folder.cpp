#include "app/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "tensor/file.h"

namespace coopnets {

namespace fs = std::filesystem;

namespace {

bool exists(const std::string &path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void remove_file(const fs::path &path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) throw std::runtime_error("could not remove " + path.string() + ": " + error.message());
}

}  // namespace

bool holds_run(const std::string &folder) {
  const std::string checkpoint = folder + "/checkpoint.safetensors";
  return exists(checkpoint) || exists(previous_version(checkpoint)) || exists(folder + "/log.csv") ||
         exists(folder + "/config.txt");
}

RunFolder::RunFolder(const std::string &path, RunStart start) : path_(path) {
  if (start == RunStart::resume) {
    checkpoint_to_resume();
  } else {
    create_folders(path_);
  }
  lock_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw std::runtime_error("could not open the folder " + path_ + ": " + cause_of(errno));
  std::string refusal;
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    refusal = "another program is running in " + path_ + "; give this run another --name";
  else if (start == RunStart::fresh && holds_run(path_))
    refusal =
        path_ + " already holds a run; --resume continues it, --overwrite replaces it, --name chooses another folder";
  if (!refusal.empty()) {
    close(lock_);
    throw std::runtime_error(refusal);
  }
}

RunFolder::~RunFolder() { close(lock_); }

std::string RunFolder::checkpoint_to_resume() const {
  if (exists(checkpoint())) return checkpoint();
  if (exists(previous_version(checkpoint()))) return previous_version(checkpoint());
  throw std::runtime_error("there is no checkpoint to resume from in " + path_ +
                           "; --overwrite instead of --resume starts it anew");
}

std::string RunFolder::samples(int64_t iteration, const std::string &kind) const {
  create_folders(file("samples"));
  char number[32];
  std::snprintf(number, sizeof number, "%06lld", static_cast<long long>(iteration));
  return file("samples/iteration_") + number + '_' + kind;
}

void RunFolder::clear_but(const std::string &written) const {
  // Checkpoints go first: without them nobody can resume what is being removed.
  for (const std::string &path : {checkpoint(), previous_version(checkpoint()), log(), config(), file("observed.png"),
                                  file("comparison.png"), file("comparison.mp4"), file("strip.png"),
                                  file("evolution.png"), file("evaluation.json"), file("report.html"), skipped()})
    if (path != written) remove_file(path);
  if (!exists(file("samples"))) return;
  for (const fs::directory_entry &entry : fs::directory_iterator(file("samples")))
    if (entry.path().filename().string().compare(0, 10, "iteration_") == 0 && entry.is_regular_file())
      remove_file(entry.path());
}

std::string nothing_left(const RunFolder &folder, int64_t iterations) {
  return folder.path() + " already has its " + std::to_string(iterations) + " iterations; --iterations N goes on to N";
}

std::string interruption(int64_t iteration, const std::string &checkpoint) {
  return "interrupted after iteration " + std::to_string(iteration) + "; " + checkpoint +
         " is written. The same command with --resume goes on (without --overwrite)";
}

std::string checkpoint_kept(const RunFolder &folder) {
  return ". The last good checkpoint is kept: " + folder.checkpoint_to_resume();
}

bool writes_pictures(int64_t iteration, int64_t last) {
  if (iteration == last) return true;
  if (iteration < 1) return false;
  while (iteration % 10 == 0) iteration /= 10;
  return iteration == 1 || iteration == 2 || iteration == 5;
}

}  // namespace coopnets
