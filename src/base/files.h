#pragma once
// Files the safe way: everything opened beneath a directory we hold (openat2(2),
// RESOLVE_BENEATH), everything durable fsynced with its directory.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace flashpods {

/// Opens a directory by a path of our own configuration (never by outside data).
[[nodiscard]] Result<Fd> open_directory(const std::filesystem::path& path);

/// openat2 beneath `directory`: no "..", no absolute path, no magic link leads out. Symlinks are
/// refused altogether unless `follow_inside`, which follows those that stay inside. O_CLOEXEC is
/// always added; a FIFO never blocks (O_NONBLOCK is added unless writing). A name that leads out,
/// through a link or to a socket, or that no file can have, is kInvalid "invalid_path"; a file
/// whose mode forbids it kForbidden "not_readable".
[[nodiscard]] Result<Fd> open_beneath(int directory, std::string_view relative, int flags,
                                      mode_t mode = 0, bool follow_inside = false);

/// Creates a directory and its parents; an existing one is fine. `mode` is for new ones.
[[nodiscard]] Result<void> make_directories(const std::filesystem::path& path, mode_t mode = 0700);

/// Whole content of a regular file; kTooLarge ("file_too_large") beyond `limit` bytes.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

/// Same, from an open descriptor at its current offset.
[[nodiscard]] Result<std::string> read_all(int fd, std::size_t limit);

/// All of `data`, through short writes and EINTR.
[[nodiscard]] Result<void> write_all(int fd, std::string_view data);

/// Makes a FIFO (mode 0600) or opens one again; never blocks. Open for reading and writing, it is
/// no end of file without writers and no broken pipe without readers. One of ours whose mode was
/// taken away gets it back.
[[nodiscard]] Result<Fd> open_fifo(const std::filesystem::path& path);

/// Replaces `path` atomically and durably: temporary sibling, fsync, rename, fsync of the
/// directory. After a crash the file is either the old one or the new one, whole.
[[nodiscard]] Result<void> write_file_durably(const std::filesystem::path& path,
                                              std::string_view data, mode_t mode = 0600);

/// fsync of a directory, so that renames and creations in it survive power loss.
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& path);

/// rename(2) then fsync of both directories. kNotFound if the source is absent.
[[nodiscard]] Result<void> rename_durably(const std::filesystem::path& from,
                                          const std::filesystem::path& to);

/// Removes a tree that hostile code may have filled: never follows a link, opens what chmod closed
/// (a directory of mode 0000 is made traversable), and treats "already gone" as done.
[[nodiscard]] Result<void> remove_tree(const std::filesystem::path& path);

/// What a tree holds. `bytes` are allocated bytes (st_blocks), so that sparse files and hard links
/// cost what they really take; `files` counts regular files and symlinks, not directories.
struct TreeSize {
  std::uint64_t bytes = 0;           ///< allocated, each inode once
  std::uint64_t apparent_bytes = 0;  ///< sum of st_size of regular files
  std::uint64_t files = 0;
};

/// Walks `path` without following links, at any depth. A tree that is absent or vanishes while it
/// is walked is no error: it holds what was seen. A directory of ours that chmod closed is opened,
/// or anyone could hide files from a quota in it. Directories count with their own blocks.
[[nodiscard]] Result<TreeSize> measure_tree(const std::filesystem::path& path);

/// Names in a directory, without "." and "..", sorted. kNotFound if it is absent.
[[nodiscard]] Result<std::vector<std::string>> list_directory(const std::filesystem::path& path);

/// Free bytes for us on the filesystem that holds `path`.
[[nodiscard]] Result<std::uint64_t> free_space(const std::filesystem::path& path);

}  // namespace flashpods
