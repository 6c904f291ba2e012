#include "tensor/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace coopnets {

namespace {

[[noreturn]] void fail_to_write(const std::string &path, const std::string &cause) {
  throw std::runtime_error("could not write " + path + ": " + cause);
}

// Opens and locks the partial file. Its name is fixed, so a killed program leaves at most one behind, which the next
// writer takes over; the lock keeps two live writers apart. A file that was renamed between open and lock is somebody's
// result.
int open_partial(const std::string &path, const std::string &partial) {
  for (;;) {
    const int descriptor = open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0) fail_to_write(path, cause_of(errno));
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      close(descriptor);
      fail_to_write(path, "another program is writing it");
    }
    struct stat opened, named;
    if (fstat(descriptor, &opened) == 0 && lstat(partial.c_str(), &named) == 0 && opened.st_ino == named.st_ino) {
      if (ftruncate(descriptor, 0) == 0) return descriptor;
      const int error = errno;
      close(descriptor);
      fail_to_write(path, cause_of(error));
    }
    close(descriptor);
  }
}

// Some file systems cannot fsync (EINVAL, ENOTSUP): they have nothing better to offer, so that is no failure.
bool synced(int descriptor) { return fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP; }

int sync_folder_of(const std::string &path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const int descriptor = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno == EACCES ? 0 : errno;  // a folder may be writable but not readable
  const int error = synced(descriptor) ? 0 : errno;
  close(descriptor);
  return error;
}

// A second name for the old file, so that `path` itself never goes missing; where links are not to be had (FAT), a
// rename, between which and the next one the previous version is the readable one. Returns an errno or 0.
int keep_previous(const std::string &path) {
  if (access(path.c_str(), F_OK) != 0) return 0;
  const std::string previous = previous_version(path);
  if (unlink(previous.c_str()) != 0 && errno != ENOENT) return errno;
  if (link(path.c_str(), previous.c_str()) == 0) return 0;
  return rename(path.c_str(), previous.c_str()) == 0 ? 0 : errno;
}

}  // namespace

AtomicFile::AtomicFile(const std::string &path) : path_(path), partial_(path + ".partial") {
  struct stat existing;
  if (stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode))
    fail_to_write(path, S_ISDIR(existing.st_mode) ? "it is a folder" : "it is not a regular file");
  const int descriptor = open_partial(path_, partial_);
  file_ = fdopen(descriptor, "wb");
  if (!file_) {
    const int error = errno;
    close(descriptor);
    unlink(partial_.c_str());
    fail(error);
  }
}

AtomicFile::~AtomicFile() {
  if (!file_) return;
  unlink(partial_.c_str());
  std::fclose(file_);
}

void AtomicFile::fail(int error) const { fail_to_write(path_, cause_of(error)); }

void AtomicFile::write(const void *data, size_t bytes) {
  if (!file_) throw std::invalid_argument("AtomicFile::write after commit: " + path_);
  if (bytes > 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail(errno);
}

void AtomicFile::commit(Previous previous) {
  if (!file_) throw std::invalid_argument("AtomicFile::commit twice: " + path_);
  if (std::fflush(file_) != 0 || !synced(fileno(file_))) fail(errno);
  if (previous == Previous::kept)
    if (const int error = keep_previous(path_)) fail(error);
  if (rename(partial_.c_str(), path_.c_str()) != 0) fail(errno);
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!closed) fail(errno);
  if (const int error = sync_folder_of(path_)) fail(error);
}

void write_atomically(const std::string &path, const std::function<void(AtomicFile &)> &writer, Previous previous) {
  AtomicFile file(path);
  writer(file);
  file.commit(previous);
}

void write_atomically(const std::string &path, std::string_view text) {
  write_atomically(path, [text](AtomicFile &file) { file.write(text); });
}

std::string previous_version(const std::string &path) {
  const std::filesystem::path p(path);
  return (p.parent_path() / (p.stem().string() + ".previous" + p.extension().string())).string();
}

std::string read_file(const std::string &path, size_t limit) {
  const auto fail = [&path](const std::string &cause) {
    throw std::runtime_error("could not read " + path + ": " + cause);
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) fail(cause_of(errno));
  std::string text;
  char chunk[1 << 14];
  while (const size_t count = std::fread(chunk, 1, sizeof chunk, file.get())) {
    text.append(chunk, count);
    if (text.size() > limit) fail("it is longer than " + std::to_string(limit) + " bytes");
  }
  if (std::ferror(file.get())) fail(cause_of(errno));
  return text;
}

void create_folders(const std::string &path) {
  std::filesystem::path so_far;
  for (const std::filesystem::path &part : std::filesystem::path(path)) {
    so_far /= part;
    if (part.empty() || mkdir(so_far.c_str(), 0777) == 0) continue;
    const int error = errno;
    struct stat existing;
    if (stat(so_far.c_str(), &existing) == 0) {
      if (S_ISDIR(existing.st_mode)) continue;
      throw std::runtime_error("could not create the folder " + so_far.string() + ": it is a file");
    }
    throw std::runtime_error("could not create the folder " + so_far.string() + ": " + cause_of(error));
  }
}

std::string cause_of(int error) {
  if (error == EFBIG) return "the file would exceed the largest size allowed";
  return std::generic_category().message(error);
}

std::string quoted(std::string_view text) {
  std::string shown(text);
  if (shown.size() > 60) {
    size_t end = 57;
    while (end > 0 && (shown[end] & 0xC0) == 0x80) --end;  // not within a UTF-8 character
    shown = shown.substr(0, end) + "...";
  }
  for (char &c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return "'" + shown + "'";
}

}  // namespace coopnets
