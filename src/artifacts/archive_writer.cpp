#include "artifacts/archive_writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <type_traits>
#include <unistd.h>

#include <climits>

#include "artifacts/archive_sink.h"
#include "base/text.h"

namespace flashpods::artifacts {
namespace {

std::unexpected<Error> too_large(std::string why) {
  return fail(ErrorKind::kTooLarge, "artifact_too_large", std::move(why));
}

/// Whether a target that leads nowhere (yet) cannot lead out once something is there.
bool is_plain_inside(const std::filesystem::path& target) {
  return target.is_relative() &&
         std::ranges::none_of(target, [](const auto& part) { return part == ".."; });
}

/// Takes the place of an ArchiveSink where only the size is asked for.
struct Survey {
  static Result<void> add_directory(const std::string&, const struct stat&) { return {}; }
  static Result<void> add_link(const std::string&, const struct stat&, const std::string&) {
    return {};
  }
};

/// What a walk of the tree may take, and whom it tells.
struct Walk {
  const Limits& limits;
  const ArchiveSize& room;
  const OnRejected& on_rejected;
  const std::stop_token& stop;
};

template <class Sink>
class TreePacker {
 public:
  TreePacker(int top, std::string name, Sink& sink, const Walk& walk)
      : top_(top), name_(std::move(name)), sink_(sink), walk_(walk) {}

  [[nodiscard]] const ArchiveSize& found() const { return found_; }

  /// `path` is relative to the top, "" for the top itself.
  Result<void> pack_directory(const SourceEntry& directory, const std::string& path,
                              std::size_t depth) {
    if (depth > walk_.limits.max_archive_depth) {
      return too_large("nests more than " + std::to_string(walk_.limits.max_archive_depth) +
                       " directories deep");
    }
    if (auto added = sink_.add_directory(in_archive(path), directory.info); !added) return added;
    const auto opened = open_listing(directory);
    if (!opened) return leave_out(path, opened.error());
    const auto listing = list_bounded(opened->get(), walk_.room.entries - found_.entries);
    if (!listing) return leave_out(path, listing.error());
    found_.entries += listing->names.size();
    if (listing->more > 0) {
      return too_large("holds too many files: the directories of a job may hold " +
                       std::to_string(walk_.limits.max_archive_entries) + " together");
    }
    for (const auto& name : listing->names) {
      const auto inner = path.empty() ? name : path + "/" + name;
      if (auto packed = pack(opened->get(), name, inner, depth + 1); !packed) return packed;
    }
    return {};
  }

 private:
  Result<void> pack(int parent, const std::string& name, const std::string& path,
                    std::size_t depth) {
    if (walk_.stop.stop_requested()) return interrupted();
    // Nobody could unpack it.
    if (name_.size() + path.size() + 1 >= PATH_MAX) return leave_out(path, "has too long a path");
    const auto entry = hold(parent, name);
    if (!entry) return leave_out(path, entry.error());
    if (entry->is_directory()) return pack_directory(*entry, path, depth);
    if (entry->is_file()) return pack_file(*entry, path);
    if (entry->is_link()) return pack_link(*entry, path);
    return leave_out(path, entry->kind());
  }

  Result<void> pack_file(const SourceEntry& file, const std::string& path) {
    if (file.size() > walk_.room.input_bytes - found_.input_bytes) {
      return too_large("is too large: the directories of a job may hold " +
                       to_human_size(walk_.limits.max_archive_input_bytes) + " together");
    }
    found_.input_bytes += file.size();
    if constexpr (std::is_same_v<Sink, Survey>) {
      return {};
    } else {
      const auto opened = open_file(file);
      if (!opened) return leave_out(path, opened.error());
      if (auto begun = sink_.begin_file(in_archive(path), file.info); !begun) return begun;
      return copy(opened->get(), file.size());
    }
  }

  Result<void> copy(int in, std::uint64_t size) {
    chunk_.resize(std::size_t{128} * 1024);
    while (size > 0) {
      if (walk_.stop.stop_requested()) return interrupted();
      const auto n = ::read(in, chunk_.data(), std::min<std::uint64_t>(chunk_.size(), size));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::unexpected(errno_error("cannot be read"));
      if (n == 0) return fail(ErrorKind::kConflict, "changed", "changed while it was collected");
      const auto bytes = static_cast<std::size_t>(n);
      if (auto done = sink_.write({chunk_.data(), bytes}); !done) return done;
      size -= bytes;
    }
    return {};
  }

  /// A link that leads out of the tree would lead to the files of whoever unpacks the archive.
  Result<void> pack_link(const SourceEntry& link, const std::string& path) {
    const auto target = link_target(link);
    if (!target) return leave_out(path, target.error());
    const auto followed = hold_followed(top_, path);
    if (!followed && is_shortage(followed.error())) return std::unexpected(followed.error());
    const auto dangling = !followed && followed.error().kind == ErrorKind::kNotFound;
    const auto inside = followed.has_value() || (dangling && is_plain_inside(*target));
    if (!inside) return leave_out(path, "is a symbolic link that leads out of its directory");
    return sink_.add_link(in_archive(path), link.info, *target);
  }

  Result<void> leave_out(const std::string& path, const Error& why) {
    if (is_shortage(why)) return std::unexpected(why);
    return leave_out(path, why.message);
  }
  Result<void> leave_out(const std::string& path, std::string why) {
    walk_.on_rejected(in_archive(path), std::move(why));
    return {};
  }

  [[nodiscard]] std::string in_archive(const std::string& path) const {
    return path.empty() ? name_ : name_ + "/" + path;
  }

  int top_;
  std::string name_;
  Sink& sink_;
  const Walk& walk_;
  ArchiveSize found_;
  std::string chunk_;
};

}  // namespace

Result<void> survey_archive(const SourceEntry& directory, const Limits& limits,
                            const ArchiveSize& room, ArchiveSize& found,
                            const std::stop_token& stop) {
  Survey survey;
  const OnRejected nobody = [](const std::string&, const std::string&) {};
  const Walk walk{limits, room, nobody, stop};
  TreePacker packer{directory.handle.get(), "", survey, walk};
  auto done = packer.pack_directory(directory, "", 1);
  found = packer.found();
  return done;
}

Result<Measured> write_archive(const SourceEntry& directory, const std::string& name, int out,
                               std::uint64_t max_bytes, const Limits& limits,
                               const ArchiveSize& room, const OnRejected& on_rejected,
                               const std::stop_token& stop) {
  ArchiveSink sink{out, max_bytes};
  const Walk walk{limits, room, on_rejected, stop};
  TreePacker packer{directory.handle.get(), name, sink, walk};
  if (auto packed = packer.pack_directory(directory, "", 1); !packed) {
    return std::unexpected(packed.error());
  }
  return sink.finish();
}

}  // namespace flashpods::artifacts
