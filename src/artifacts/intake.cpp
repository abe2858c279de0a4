#include "artifacts/intake.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "artifacts/archive_writer.h"
#include "artifacts/name.h"
#include "base/files.h"
#include "base/text.h"

namespace flashpods::artifacts {
namespace {

constexpr std::string_view kSuffix = ".tar.gz";
/// Where the container sees the source: a link to /artifacts/x means x.
constexpr std::string_view kMountPoint = "/artifacts/";

std::unexpected<Error> too_large(std::string why) {
  return fail(ErrorKind::kTooLarge, "artifact_too_large", std::move(why));
}

}  // namespace

void Intake::take_all(const Listing& listing) {
  names_.insert(listing.names.begin(), listing.names.end());
  for (const auto& name : listing.names) {
    take(name);
    if (shortage_) return;
  }
  unnamed_ += listing.more;
}

void Intake::take(const std::string& name) {
  if (stop_.stop_requested()) return refuse(name, interrupted().error());
  if (const auto valid = validate_artifact_name(name); !valid) {
    return refuse(name, valid.error());
  }
  const auto entry = hold(source_, name);
  if (!entry) return refuse(name, entry.error());
  if (entry->is_file()) return take_file(name, *entry);
  if (entry->is_link()) return take_linked(name, *entry);
  if (entry->is_directory()) return take_directory(name, *entry);
  reject(name, entry->kind());
}

void Intake::take_file(const std::string& name, const SourceEntry& file) {
  if (auto fits = check_quota(file.size()); !fits) return refuse(name, fits.error());
  keep(name, adopt(name, file));
}

void Intake::take_linked(const std::string& name, const SourceEntry& link) {
  auto target = link_target(link);
  if (!target) return refuse(name, target.error());
  if (target->starts_with(kMountPoint)) target->erase(0, kMountPoint.size());
  const auto file = hold_followed(source_, *target);
  if (!file && is_shortage(file.error())) return refuse(name, file.error());
  if (!file) return reject(name, "is a symbolic link to nothing inside /artifacts");
  if (!file->is_file()) return reject(name, "is a symbolic link to what " + file->kind());
  if (auto fits = check_quota(file->size()); !fits) return refuse(name, fits.error());
  const auto in = open_file(*file);
  keep(name, in ? copy(name, in->get()) : std::unexpected(in.error()));
}

void Intake::take_directory(const std::string& name, const SourceEntry& directory) {
  const auto packed = name + std::string{kSuffix};
  if (names_.contains(packed)) {
    if (!collected_.conflict) collected_.conflict = packed;
    return reject(name, "is a directory, and " + packed + ", which it would become, exists too");
  }
  if (const auto valid = validate_artifact_name(packed); !valid) {
    return reject(name, "cannot become " + to_one_line(packed) + ": " + valid.error().message);
  }
  if (auto fits = check_quota(0); !fits) return refuse(name, fits.error());
  auto measured = pack(packed, directory);
  if (!measured) return refuse(name, measured.error());
  keep(packed, std::move(measured));
}

Result<Measured> Intake::adopt(const std::string& name, const SourceEntry& file) {
  const auto in = open_file(file);
  if (!in) return std::unexpected(in.error());
  if (file.info.st_nlink != 1) return copy(name, in->get());
  auto measured = measure(in->get(), room());
  if (!measured) return measured;
  if (::fchmod(in->get(), S_IRUSR | S_IWUSR) != 0 || ::fsync(in->get()) != 0) {
    return std::unexpected(errno_error("cannot be flushed to disk"));
  }
  before_step_();
  const auto inode = "/proc/self/fd/" + std::to_string(in->get());
  if (::linkat(AT_FDCWD, inode.c_str(), destination_, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return measured;
  }
  // Another filesystem, or a file of another owner (fs.protected_hardlinks): its bytes do as well.
  if (::lseek(in->get(), 0, SEEK_SET) != 0) return std::unexpected(errno_error("cannot be read"));
  return copy(name, in->get());
}

Result<Measured> Intake::copy(const std::string& name, int in) {
  auto out = create(name);
  if (!out) return std::unexpected(out.error());
  return settle(name, *out, measure(in, room(), out->get()));
}

/// What is too large is known before the first byte is packed.
Result<Measured> Intake::pack(const std::string& name, const SourceEntry& directory) {
  const auto room_before = archive_room();
  ArchiveSize size;
  const auto surveyed = survey_archive(directory, limits_, room_before, size, stop_);
  surveyed_entries_ += size.entries;
  if (!surveyed) return std::unexpected(surveyed.error());
  packed_.entries += size.entries;
  packed_.input_bytes += size.input_bytes;
  auto out = create(name);
  if (!out) return std::unexpected(out.error());
  const auto top = name.substr(0, name.size() - kSuffix.size());
  const auto on_rejected = [this](std::string path, std::string reason) {
    reject(path, std::move(reason));
  };
  return settle(
      name, *out,
      write_archive(directory, top, out->get(), room(), limits_, room_before, on_rejected, stop_));
}

ArchiveSize Intake::archive_room() const {
  return {std::min(limits_.max_archive_entries - packed_.entries,
                   limits_.max_surveyed_entries - surveyed_entries_),
          limits_.max_archive_input_bytes - packed_.input_bytes};
}

Result<Fd> Intake::create(const std::string& name) {
  before_step_();
  return open_beneath(destination_, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

/// What was written goes to disk, or if it failed, away.
Result<Measured> Intake::settle(const std::string& name, const Fd& out, Result<Measured> written) {
  if (written && ::fdatasync(out.get()) != 0) {
    written = std::unexpected(errno_error("cannot be flushed to disk"));
  }
  if (!written) ::unlinkat(destination_, name.c_str(), 0);
  return written;
}

Result<void> Intake::check_quota(std::uint64_t size) const {
  if (collected_.artifacts.size() >= limits_.max_count) {
    return too_large("there are more than " + std::to_string(limits_.max_count) + " artifacts");
  }
  if (size > limits_.max_file_bytes) {
    return too_large("is larger than " + to_human_size(limits_.max_file_bytes));
  }
  if (size > limits_.max_total_bytes - total_bytes_) {
    return too_large("the artifacts together are larger than " +
                     to_human_size(limits_.max_total_bytes));
  }
  return {};
}

std::uint64_t Intake::room() const {
  return std::min(limits_.max_file_bytes, limits_.max_total_bytes - total_bytes_);
}

void Intake::keep(const std::string& name, Result<Measured> measured) {
  if (!measured) return refuse(name, measured.error());
  total_bytes_ += measured->size_bytes;
  collected_.artifacts.push_back({name, measured->size_bytes, std::move(measured->sha256)});
}

/// What the job made is rejected; what the host lacks now it may have later.
void Intake::refuse(const std::string& name, const Error& why) {
  if (!is_shortage(why)) return reject(name, why.message);
  shortage_ = why;
  shortage_->message = to_one_line(name) + ' ' + why.message;
}

void Intake::reject(const std::string& name, std::string reason) {
  if (collected_.rejected.size() < limits_.max_rejected) {
    collected_.rejected.push_back({to_one_line(name), std::move(reason)});
  } else {
    ++unnamed_;
  }
}

Result<Collected> Intake::finish() {
  if (shortage_) return std::unexpected(std::move(*shortage_));
  if (unnamed_ > 0) {
    collected_.rejected.push_back({"…", std::to_string(unnamed_) + " more entries are not kept"});
  }
  std::ranges::sort(collected_.artifacts, {}, &Artifact::name);
  return std::move(collected_);
}

}  // namespace flashpods::artifacts
