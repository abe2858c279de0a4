#include "artifacts/archive_sink.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/files.h"
#include "base/text.h"

namespace flashpods::artifacts {
namespace {

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

constexpr int kBlock = 128 * 1024;

/// What the owner needs to look at and remove what was unpacked; nothing for anybody else's good.
mode_t portable_mode(const struct stat& info) {
  const mode_t needed = S_ISDIR(info.st_mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
  return (info.st_mode & 0777) | needed;
}

}  // namespace

ArchiveSink::ArchiveSink(int out, std::uint64_t max_bytes)
    : archive_(archive_write_new()),
      out_(out),
      max_bytes_(max_bytes),
      gzip_([this](std::string_view piece) { return put(piece); }) {
  archive_write_set_format_pax_restricted(archive_);
  // libarchive's own gzip would pack the zeros by which an unfinished file is filled up when the
  // archive is given up: eight gigabytes, a minute.
  archive_write_add_filter_none(archive_);
  archive_write_set_bytes_per_block(archive_, kBlock);
  // Names are bytes to us, whatever the locale.
  archive_write_set_format_option(archive_, "pax", "hdrcharset", "BINARY");
  archive_write_set_bytes_in_last_block(archive_, 1);
  failure_ = check(archive_write_open(archive_, this, nullptr, &ArchiveSink::on_bytes, nullptr));
}

ArchiveSink::~ArchiveSink() {
  discard_ = true;
  archive_write_free(archive_);
}

std::int64_t ArchiveSink::on_bytes(archive*, void* self, const void* bytes, std::size_t size) {
  auto& sink = *static_cast<ArchiveSink*>(self);
  // Never reports failure: libarchive then leaves its filters' memory behind. check() tells.
  if (sink.failure_ && !sink.discard_) {
    sink.failure_ = sink.gzip_.write({static_cast<const char*>(bytes), size});
  }
  return static_cast<std::int64_t>(size);
}

Result<void> ArchiveSink::put(std::string_view piece) {
  if (piece.size() > max_bytes_ - written_) {
    return fail(ErrorKind::kTooLarge, "artifact_too_large",
                "is larger than " + to_human_size(max_bytes_) + " when packed");
  }
  if (auto done = write_all(out_, piece); !done) return done;
  written_ += piece.size();
  hash_.update(piece);
  return {};
}

Result<void> ArchiveSink::check(std::int64_t status) {
  if (!failure_) return failure_;
  if (status >= ARCHIVE_WARN) return {};
  const char* why = archive_error_string(archive_);
  return fail(ErrorKind::kInternal, "archive_failed",
              std::string{"cannot be packed: "} + to_one_line(why == nullptr ? "unknown" : why));
}

Result<void> ArchiveSink::add(const std::string& path, const struct stat& info,
                              const std::string& target) {
  const std::unique_ptr<archive_entry, FreeEntry> entry{archive_entry_new()};
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), info.st_mode & S_IFMT);
  archive_entry_set_perm(entry.get(), portable_mode(info));
  archive_entry_set_mtime(entry.get(), info.st_mtim.tv_sec, 0);
  if (S_ISREG(info.st_mode)) archive_entry_set_size(entry.get(), info.st_size);
  if (S_ISLNK(info.st_mode)) archive_entry_set_symlink(entry.get(), target.c_str());
  return check(archive_write_header(archive_, entry.get()));
}

Result<void> ArchiveSink::add_directory(const std::string& path, const struct stat& info) {
  return add(path + "/", info, {});
}

Result<void> ArchiveSink::add_link(const std::string& path, const struct stat& info,
                                   const std::string& target) {
  return add(path, info, target);
}

Result<void> ArchiveSink::begin_file(const std::string& path, const struct stat& info) {
  return add(path, info, {});
}

Result<void> ArchiveSink::write(std::string_view bytes) {
  return check(archive_write_data(archive_, bytes.data(), bytes.size()));
}

Result<Measured> ArchiveSink::finish() {
  if (auto closed = check(archive_write_close(archive_)); !closed) {
    return std::unexpected(closed.error());
  }
  if (auto finished = gzip_.finish(); !finished) return std::unexpected(finished.error());
  return Measured{.size_bytes = written_, .sha256 = hash_.hex_digest()};
}

}  // namespace flashpods::artifacts
