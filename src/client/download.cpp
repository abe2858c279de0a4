#include "client/download.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "async/with_timeout.h"
#include "base/text.h"
#include "client/reply_error.h"
#include "client/save_file.h"

namespace flashpods::client {

namespace {

using nlohmann::json;

constexpr int kTries = 3;
constexpr Milliseconds kPause{1'000};

struct Listed {
  std::uint64_t bytes = 0;
  std::string sha256;
};

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Error not_listed(const json& artifacts, const std::string& name) {
  std::string names;
  for (const auto& artifact : artifacts) {
    names += (names.empty() ? "" : ", ") + to_one_line(text_of(artifact, "name"));
    if (names.size() > 1000) break;
  }
  return {ErrorKind::kNotFound, "artifact_not_found",
          "the job has no artifact '" + to_one_line(name) + "'" +
              (names.empty() ? "; artifacts are listed once the job has ended"
                             : "; there are: " + names)};
}

Result<Listed> find_artifact(const json& reply, const std::string& name) {
  const auto artifacts = reply.find("artifacts");
  const json list = artifacts != reply.end() && artifacts->is_array() ? *artifacts : json::array();
  for (const auto& artifact : list) {
    if (!artifact.is_object() || text_of(artifact, "name") != name) continue;
    const auto size = artifact.find("size_bytes");
    const bool has_size = size != artifact.end() && size->is_number_unsigned();
    return Listed{has_size ? size->get<std::uint64_t>() : 0, text_of(artifact, "sha256")};
  }
  return std::unexpected(not_listed(list, name));
}

/// One download under way; the coroutine frames hold references to it.
struct Transfer {
  Api& api;
  Timer& timer;
  DownloadRequest request;
  Listed listed;
  OnDownloaded on_progress;
  PartialFile file;
  Result<void> written{};

  bool add(std::string_view piece) {
    written = file.append(piece);
    if (written && on_progress) on_progress(file.size(), listed.bytes);
    return written.has_value() && file.size() <= listed.bytes;
  }

  Awaitable<Result<void>> fetch_once() {
    auto on_bytes = [this](std::string_view piece) { return add(piece); };
    const auto offset = file.size();
    auto reply = co_await api.artifact_bytes(request.job_id, request.name, offset, on_bytes);
    if (!written) co_return written;
    if (reply) co_return Result<void>{};
    if (reply.error().code == "range_ignored") {
      if (auto cleared = file.clear(); !cleared) co_return cleared;
    }
    co_return std::unexpected(std::move(reply.error()));
  }

  Awaitable<Result<void>> fetch() {
    for (int attempt = 1; file.size() != listed.bytes; ++attempt) {
      auto fetched = co_await fetch_once();
      if (!fetched && (!is_retriable(fetched.error()) || attempt == kTries)) co_return fetched;
      if (attempt == kTries) break;
      if (!fetched) co_await timer.sleep_for(kPause);
    }
    co_return Result<void>{};
  }

  static bool is_retriable(const Error& error) {
    return is_transient(error) || error.code == "range_ignored";
  }
};

Error incomplete(const Transfer& transfer) {
  return {ErrorKind::kTimeout, "download_incomplete",
          "got " + to_human_size(transfer.file.size()) + " of " +
              to_human_size(transfer.listed.bytes) +
              " so far; call again with the same arguments to go on from there"};
}

Awaitable<Result<void>> fetch_in_time(Transfer& transfer) {
  if (!transfer.request.time_limit) co_return co_await transfer.fetch();
  auto operation = transfer.fetch();
  const auto limit = *transfer.request.time_limit;
  auto fetched = co_await with_timeout(transfer.timer, limit, std::move(operation));
  if (!fetched) co_return std::unexpected(incomplete(transfer));
  co_return std::move(*fetched);
}

Awaitable<Result<Downloaded>> verify_and_publish(Transfer& transfer, BlockingPool& pool) {
  auto* file = &transfer.file;
  auto digest = co_await pool.run([file] { return file->digest(); });
  if (!digest) co_return std::unexpected(std::move(digest.error()));
  if (*digest != transfer.listed.sha256) {
    auto cleared = transfer.file.clear();
    co_return fail(ErrorKind::kInternal, "checksum_mismatch",
                   "what arrived is not what the server lists (SHA-256 differs); it was thrown "
                   "away, call again");
  }
  auto published = transfer.file.publish();
  if (!published) co_return std::unexpected(std::move(published.error()));
  co_return Downloaded{transfer.request.target, transfer.listed.bytes, *digest};
}

}  // namespace

Awaitable<Result<Downloaded>> download_artifact(Api& api, Timer& timer, BlockingPool& pool,
                                                DownloadRequest request, OnDownloaded on_progress) {
  auto reply = co_await api.artifacts(request.job_id);
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  auto listed = find_artifact(*reply, request.name);
  if (!listed) co_return std::unexpected(std::move(listed.error()));
  auto file = PartialFile::open(request.target, listed->sha256, request.overwrite);
  if (!file) co_return std::unexpected(std::move(file.error()));
  Transfer transfer{
      api, timer, std::move(request), std::move(*listed), std::move(on_progress), std::move(*file)};
  if (transfer.file.size() > transfer.listed.bytes) {
    if (auto cleared = transfer.file.clear(); !cleared) {
      co_return std::unexpected(std::move(cleared.error()));
    }
  }
  auto fetched = co_await fetch_in_time(transfer);
  if (!fetched) co_return std::unexpected(std::move(fetched.error()));
  co_return co_await verify_and_publish(transfer, pool);
}

}  // namespace flashpods::client
