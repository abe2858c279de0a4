#include "artifacts/collector.h"

#include <fcntl.h>
#include <limits>
#include <sys/stat.h>

#include "artifacts/intake.h"
#include "artifacts/manifest.h"
#include "artifacts/source_entry.h"
#include "base/files.h"

namespace flashpods::artifacts {
namespace {

bool is_there(const std::filesystem::path& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

/// An empty directory of ours: what an interrupted collection left in it goes.
Result<Fd> make_empty(const std::filesystem::path& directory) {
  if (auto removed = remove_tree(directory); !removed) return std::unexpected(removed.error());
  if (auto made = make_directories(directory); !made) return std::unexpected(made.error());
  return open_directory(directory);
}

/// The names are ours, so nothing but their bytes has to be looked at.
Result<Collected> read_destination(const std::filesystem::path& destination) {
  Collected collected;
  const auto directory = open_directory(destination);
  if (!directory) return collected;
  const auto names = list_directory(destination);
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    const auto file = open_beneath(directory->get(), name, O_RDONLY);
    if (!file) return std::unexpected(file.error());
    const auto measured = measure(file->get(), std::numeric_limits<std::uint64_t>::max());
    if (!measured) return std::unexpected(measured.error());
    collected.artifacts.push_back({name, measured->size_bytes, measured->sha256});
  }
  return collected;
}

/// The container could chmod its directory to 0, but not put anything else in its place.
Result<Fd> open_source(const std::filesystem::path& source) {
  const auto parent = open_directory(source.parent_path());
  if (!parent) return std::unexpected(parent.error());
  const auto held = hold(parent->get(), source.filename());
  if (!held) return std::unexpected(held.error());
  return open_listing(*held);
}

Result<Collected> take_everything(const std::filesystem::path& source, int destination,
                                  const Limits& limits, const BeforeStep& before,
                                  const std::stop_token& stop) {
  const auto directory = open_source(source);
  if (!directory) return std::unexpected(directory.error());
  const auto listing = list_bounded(directory->get(), limits.max_listed);
  if (!listing) return std::unexpected(listing.error());
  Intake intake{directory->get(), destination, limits, before, stop};
  intake.take_all(*listing);
  return intake.finish();
}

/// What was taken is on disk, then the manifest that says so.
Result<void> commit(const std::filesystem::path& manifest, const std::filesystem::path& destination,
                    const Collected& collected, const BeforeStep& before) {
  before();
  if (auto synced = sync_directory(destination); !synced) return synced;
  if (auto synced = sync_directory(destination.parent_path()); !synced) return synced;
  before();
  return write_manifest(manifest, collected);
}

}  // namespace

Result<Collected> collect_stepwise(const std::filesystem::path& source,
                                   const std::filesystem::path& destination, const Limits& limits,
                                   const BeforeStep& before, const std::stop_token& stop) {
  const auto manifest = manifest_path(source);
  if (auto done = read_manifest(manifest)) return std::move(*done);
  if (!is_there(source)) return read_destination(destination);
  before();
  const auto target = make_empty(destination);
  if (!target) return std::unexpected(target.error());
  auto collected = take_everything(source, target->get(), limits, before, stop);
  if (!collected) return collected;
  auto committed = commit(manifest, destination, *collected, before);
  if (!committed) return std::unexpected(committed.error());
  before();
  return collected;
}

Result<Collected> collect(const std::filesystem::path& source,
                          const std::filesystem::path& destination, const Limits& limits,
                          const std::stop_token& stop) {
  return collect_stepwise(source, destination, limits, [] {}, stop);
}

}  // namespace flashpods::artifacts
