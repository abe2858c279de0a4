// /jobs/:id/artifacts and /jobs/:id/artifacts/:name.

#include <nlohmann/json.hpp>

#include "api/services.h"
#include "artifacts/artifact_file.h"
#include "artifacts/content_disposition.h"
#include "artifacts/http_range.h"
#include "artifacts/repository.h"
#include "jobs/repository.h"
#include "jobs/state_machine.h"

namespace flashpods::api {

namespace {

using artifacts::StoredArtifact;
using nlohmann::json;

struct Listing {
  std::optional<Time> expires_at;
  std::string rejected;  ///< JSON
  std::vector<StoredArtifact> artifacts;
};

Result<jobs::Job> find_with_artifacts(Transaction& tx, const std::string& id) {
  auto job = find_job(tx, id);
  if (job && job->artifacts_deleted_at) {
    return fail(ErrorKind::kGone, "expired",
                "The job's artifacts were deleted when their time was over: a job keeps them for "
                "keep_minutes after its end");
  }
  return job;
}

json to_json(const Listing& listing) {
  json list = json::array();
  std::uint64_t total = 0;
  for (const StoredArtifact& stored : listing.artifacts) {
    total += stored.artifact.size_bytes;
    list.push_back({{"name", stored.artifact.name},
                    {"size_bytes", stored.artifact.size_bytes},
                    {"created_at", to_rfc3339(stored.created_at)},
                    {"sha256", stored.artifact.sha256}});
  }
  return {{"artifacts", std::move(list)},
          {"rejected", json::parse(listing.rejected, nullptr, false)},
          {"total_size_bytes", total},
          {"expires_at", listing.expires_at ? json(to_rfc3339(*listing.expires_at)) : json()}};
}

/// The reply for an open file: whole, one range, not modified, or not satisfiable.
http::Response to_reply(const http::Request& request, const artifacts::Artifact& artifact,
                        Fd file) {
  const std::string etag = artifacts::etag_of(artifact.sha256);
  const auto plan = artifacts::plan_download(
      {request.header("Range"), request.header("If-Range"), request.header("If-None-Match")}, etag,
      artifact.size_bytes);
  http::Response reply;
  reply.status = plan.status;
  reply.headers = {{"ETag", etag}, {"Accept-Ranges", "bytes"}, {"Cache-Control", "private"}};
  if (!plan.content_range.empty()) reply.headers["Content-Range"] = plan.content_range;
  if (plan.status >= 300) return reply;
  reply.headers["Content-Type"] = "application/octet-stream";
  reply.headers["Content-Disposition"] = artifacts::content_disposition(artifact.name);
  reply.body = http::FileBody{std::make_shared<const Fd>(std::move(file)), plan.first, plan.length};
  return reply;
}

}  // namespace

Awaitable<Reply> list_artifacts(Services& services, http::Request request) {
  auto body = [id = request.params["id"]](Transaction& tx) -> Result<Listing> {
    auto job = find_with_artifacts(tx, id);
    if (!job) return std::unexpected(job.error());
    return Listing{job->artifacts_expires_at, jobs::rejected_artifacts(tx, job->id),
                   artifacts::list(tx, job->id)};
  };
  const auto listing = co_await services.store.read(std::move(body));
  if (!listing) co_return std::unexpected(listing.error());
  co_return json_reply(200, to_json(*listing));
}

Awaitable<Reply> get_artifact(Services& services, http::Request request) {
  struct Found {
    std::string job_id;
    artifacts::Artifact artifact;
  };
  auto body = [id = request.params["id"],
               name = request.params["name"]](Transaction& tx) -> Result<Found> {
    const auto job = find_with_artifacts(tx, id);
    if (!job) return std::unexpected(job.error());
    const auto stored = artifacts::find(tx, job->id, name);
    if (stored) return Found{job->id, stored->artifact};
    return fail(ErrorKind::kNotFound, "artifact_not_found",
                jobs::is_active(job->status)
                    ? "The job still runs: its artifacts can be had when it has ended"
                    : "The job has no artifact of this name: list them with "
                      "GET /jobs/ID/artifacts");
  };
  const auto found = co_await services.store.read(std::move(body));
  if (!found) co_return std::unexpected(found.error());
  auto file = artifacts::open_artifact(services.artifacts / found->job_id, found->artifact.name);
  if (!file) co_return std::unexpected(file.error());
  co_return to_reply(request, found->artifact, std::move(*file));
}

}  // namespace flashpods::api
