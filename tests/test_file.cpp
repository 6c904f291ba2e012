#include "tensor/file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "files.h"

namespace coopnets {
namespace {

namespace fs = std::filesystem;

class File : public FolderTest {};

TEST_F(File, holds_what_was_written_and_nothing_else_stays) {
  const std::string path = folder + "/a.bin";
  const std::string bytes("one\0two\n", 8);
  write_atomically(path, bytes);
  EXPECT_EQ(read_file(path), bytes);
  write_atomically(path, "shorter");
  EXPECT_EQ(read_file(path), "shorter");
  EXPECT_EQ(files(), 1u);
}

TEST_F(File, without_commit_the_old_file_stays) {
  const std::string path = folder + "/a.txt";
  write_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("new");
    EXPECT_EQ(read_file(path), "old");
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_THROW(write_atomically(path, [](AtomicFile &) { throw std::logic_error("in the writer"); }), std::logic_error);
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(File, keeps_one_previous_version_and_the_file_never_goes_missing) {
  const std::string path = folder + "/checkpoint.safetensors";
  EXPECT_EQ(previous_version(path), folder + "/checkpoint.previous.safetensors");
  EXPECT_EQ(previous_version("notes"), "notes.previous");
  for (const char *text : {"1", "2", "3"})
    write_atomically(
        path, [text](AtomicFile &file) { file.write(text); }, Previous::kept);
  EXPECT_EQ(read_file(path), "3");
  EXPECT_EQ(read_file(previous_version(path)), "2");
  EXPECT_EQ(files(), 2u);

  // Where only the previous version is left (a kill between two renames), it goes when the new file is there, not
  // before.
  fs::remove(path);
  write_atomically(
      path, [](AtomicFile &file) { file.write("4"); }, Previous::kept);
  EXPECT_EQ(read_file(path), "4");
  EXPECT_EQ(read_file(previous_version(path)), "2");
}

TEST_F(File, full_disk_is_one_sentence_and_the_old_file_stays) {
  const std::string path = folder + "/a.bin";
  write_atomically(path, "old");
  const std::string big(1 << 16, 'x');
  for (const rlim_t limit : {rlim_t{100}, rlim_t{1 << 13}, rlim_t{(1 << 16) - 1}}) {
    const FileSizeLimit full(limit);
    const std::string error = error_of([&] { write_atomically(path, big); });
    EXPECT_CONTAINS(error, "could not write " + path + ": ");
    EXPECT_CONTAINS(error, "largest size");
    EXPECT_EQ(read_file(path), "old");
    EXPECT_EQ(files(), 1u);
  }
  {
    const FileSizeLimit full(3);  // a text that waits in the buffer: only the flush meets the limit
    EXPECT_CONTAINS(error_of([&] { write_atomically(path, "new text"); }), "could not write " + path + ": ");
    EXPECT_EQ(read_file(path), "old");
  }
  const FileSizeLimit enough(1 << 16);
  write_atomically(path, big);
  EXPECT_EQ(read_file(path), big);
}

TEST_F(File, names_what_cannot_be_written) {
  write_atomically(folder + "/file", "x");
  EXPECT_EQ(error_of([&] { write_atomically(folder + "/file/below", "x"); }),
            "could not write " + folder + "/file/below: Not a directory");
  EXPECT_EQ(error_of([&] { write_atomically(folder + "/missing/a", "x"); }),
            "could not write " + folder + "/missing/a: No such file or directory");
  EXPECT_EQ(error_of([&] { write_atomically(folder, "x"); }), "could not write " + folder + ": it is a folder");
  EXPECT_EQ(error_of([&] { write_atomically("/dev/full", "x"); }),
            "could not write /dev/full: it is not a regular file");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_EQ(error_of([&] { create_folders(folder + "/file/a/b"); }),
            "could not create the folder " + folder + "/file: it is a file");
  error_of([&] { create_folders("/proc/coopnets/a"); });
  if (getuid() != 0) {
    create_folders(folder + "/closed");
    chmod((folder + "/closed").c_str(), 0555);
    EXPECT_EQ(error_of([&] { write_atomically(folder + "/closed/a", "x"); }),
              "could not write " + folder + "/closed/a: Permission denied");
  }
}

TEST_F(File, a_second_writer_is_refused_and_a_killed_one_is_succeeded) {
  const std::string path = folder + "/a.txt";
  {
    AtomicFile first(path);
    first.write("first");
    EXPECT_EQ(error_of([&] { AtomicFile second(path); }),
              "could not write " + path + ": another program is writing it");
    first.commit();
    EXPECT_THROW(first.write("late"), std::invalid_argument);
    EXPECT_THROW(first.commit(), std::invalid_argument);
  }
  EXPECT_EQ(read_file(path), "first");
  write_atomically(folder + "/a.txt.partial", "a long line that a killed program left");
  write_atomically(path, "next");
  EXPECT_EQ(read_file(path), "next");
  EXPECT_EQ(files(), 1u);
}

// A child is killed at random moments while it replaces the file again and again: what is read is always one whole
// version.
TEST_F(File, killed_at_any_moment_leaves_a_whole_file) {
  const std::string path = folder + "/a.bin";
  write_atomically(path, std::string(5000, 'a'));
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        for (char letter = 'b';; letter = letter == 'z' ? 'a' : letter + 1)
          write_atomically(
              path, [letter](AtomicFile &file) { file.write(std::string(5000, letter)); }, Previous::kept);
      } catch (...) {
      }
      _exit(1);
    }
    usleep(500 + 337 * round);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed to write";
    const std::string text = read_file(path);
    ASSERT_EQ(text, std::string(5000, text.empty() ? '?' : text[0]));
    ASSERT_LE(files(), 3u);
  }
}

TEST_F(File, reading_is_bounded) {
  write_atomically(folder + "/a", "12345");
  EXPECT_EQ(read_file(folder + "/a", 5), "12345");
  EXPECT_EQ(error_of([&] { read_file(folder + "/a", 4); }),
            "could not read " + folder + "/a: it is longer than 4 bytes");
  EXPECT_EQ(error_of([&] { read_file(folder + "/b"); }), "could not read " + folder + "/b: No such file or directory");
  EXPECT_EQ(error_of([&] { read_file(folder); }), "could not read " + folder + ": Is a directory");
}

}  // namespace
}  // namespace coopnets
