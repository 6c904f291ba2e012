// Files that are written whole or not at all. Everything the program leaves on disk goes through here.
#pragma once
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace coopnets {

enum class Previous { replaced, kept };  // what becomes of the file that had the name before

// Writes to "PATH.partial" in the same folder; commit() makes it durable and gives it the name PATH in one step, so
// that at every instant PATH is the old file or the new one, whole. Without commit() the partial file is removed. Every
// failure throws std::runtime_error naming PATH and the cause. A second writer of the same PATH is refused.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string &path);
  ~AtomicFile();
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  void write(const void *data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

  // Flushes, fsyncs and closes the file, renames it to PATH, fsyncs the folder. With Previous::kept the old file stays
  // as previous_version(PATH) in place of the one kept before.
  void commit(Previous previous = Previous::replaced);

  const std::string &path() const { return path_; }

 private:
  [[noreturn]] void fail(int error) const;
  std::string path_, partial_;
  std::FILE *file_ = nullptr;
};

// Calls `writer` with the open file and commits; an exception of the writer leaves the old file as it was.
void write_atomically(const std::string &path, const std::function<void(AtomicFile &)> &writer,
                      Previous previous = Previous::replaced);
void write_atomically(const std::string &path, std::string_view text);

// "run/checkpoint.safetensors" -> "run/checkpoint.previous.safetensors".
std::string previous_version(const std::string &path);

// The bytes of a small file. Throws std::runtime_error when it cannot be read or is longer than `limit`.
std::string read_file(const std::string &path, size_t limit = size_t{16} << 20);

// Creates a folder and those above it where they are missing. Throws std::runtime_error naming the one that failed.
void create_folders(const std::string &path);

// "No space left on device" and the like, for an errno.
std::string cause_of(int error);

// A name or value from outside as an error sentence may show it: in quotes, at most 60 bytes of it, and '?' for control
// characters, which a terminal would obey.
std::string quoted(std::string_view text);

}  // namespace coopnets
