// The folder that a run leaves behind: OUT/EXPERIMENT/NAME with config.txt, log.csv, observed.png,
// checkpoint.safetensors, samples/, evolution.png, report.html and, where pictures were bad, skipped.txt. One program at
// a time has it, and no run is replaced by accident.
#pragma once
#include <cstdint>
#include <string>

namespace coopnets {

constexpr double seconds_between_checkpoints = 60;  // at most, while a run learns

enum class RunStart { fresh, resume, overwrite };

class RunFolder {
 public:
  // Creates the folder where it is missing and locks it for as long as this lives. Throws std::runtime_error: fresh and
  // there is a run already; resume and there is no checkpoint; another program has the folder; it cannot be created.
  RunFolder(const std::string &path, RunStart);
  ~RunFolder();
  RunFolder(const RunFolder &) = delete;
  RunFolder &operator=(const RunFolder &) = delete;

  const std::string &path() const { return path_; }
  std::string file(const std::string &name) const { return path_ + '/' + name; }
  std::string config() const { return file("config.txt"); }
  std::string log() const { return file("log.csv"); }
  std::string checkpoint() const { return file("checkpoint.safetensors"); }
  std::string skipped() const { return file("skipped.txt"); }

  // checkpoint(), or the one before it where only that is left. Throws std::runtime_error when there is none.
  std::string checkpoint_to_resume() const;

  // "PATH/samples/iteration_000100_KIND", creating samples/: the caller adds the extension.
  std::string samples(int64_t iteration, const std::string &kind) const;

  // Removes what an earlier run left, but for `written`, the first file of the new run, and nothing that a run does not
  // write. To be called once that file is on disk: a mistake in the new run's data or settings, or a full disk, then
  // does not cost the earlier one.
  void clear_but(const std::string &written) const;

 private:
  std::string path_;
  int lock_ = -1;
};

// Whether the folder holds what a run leaves.
bool holds_run(const std::string &folder);

// What a run says: when --resume finds it finished; after Ctrl-C; and, behind the reason, when learning has failed.
std::string nothing_left(const RunFolder &, int64_t iterations);
std::string interruption(int64_t iteration, const std::string &checkpoint);
std::string checkpoint_kept(const RunFolder &);

// Whether pictures are written after an iteration, counted from 1: 1, 2, 5, 10, 20, 50, 100, ... and the last one.
bool writes_pictures(int64_t iteration, int64_t last);

}  // namespace coopnets
