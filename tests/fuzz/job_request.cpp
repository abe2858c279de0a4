// POST /jobs: the body, from text to a request.

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/random.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "jobs/image_reference.h"
#include "jobs/names.h"
#include "jobs/request.h"

namespace flashpods {
namespace {

using fuzz::require;
using nlohmann::json;

void check_refusal(const Error& error) {
  require(to_one_line(error.message, error.message.size()) == error.message,
          "a refusal is one visible line, whatever the request says");
  require(error.message.size() < 2000, "a refusal is short");
  require(error.code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos,
          "its code is a word of ours");
}

void check_text(const std::optional<std::string>& text, const jobs::JobLimits& limits) {
  if (!text) return;
  require(text->size() <= limits.max_text_bytes, "text is bounded");
  require(text->find('\0') == std::string::npos, "an argument holds no NUL");
}

void check_request(const jobs::JobRequest& request, const jobs::JobLimits& limits) {
  const bool is_worker = request.type == jobs::JobType::kWorker;
  require(request.command.has_value() == is_worker, "a worker has a command");
  require(request.task.has_value() != is_worker, "an agent has a task");
  require(jobs::parse_image_reference(request.image).has_value(), "the image is a reference");
  require(!request.files_id || is_upload_id(*request.files_id), "the upload has an id");
  require(request.resources.cpus > 0 && request.resources.memory_gb > 0, "it needs something");
  require(request.timeout_minutes > 0 && request.keep_minutes > 0, "its times are positive");
  for (const auto* text : {&request.command, &request.task, &request.context})
    check_text(*text, limits);
  for (const auto& [name, value] : request.env) {
    require(!jobs::object_to_env_name(name), "variables have allowed names");
    check_text(value, limits);
  }
}

/// The body that asks for exactly this.
json body_of(const jobs::JobRequest& request) {
  auto body = canonical(request);
  if (request.type == jobs::JobType::kAgent) {
    body.erase("image");
    body.erase("workspace");
  }
  if (request.client_job_id) body["client_job_id"] = *request.client_job_id;
  if (request.files_id) body["files_id"] = *request.files_id;
  return body;
}

FUZZ_TARGET(job_request) {
  jobs::JobLimits limits;
  limits.max_text_bytes = 64;
  const auto body = parse_json(input);
  if (!body) return;
  const auto request = jobs::parse_job_request(*body, limits);
  if (!request) return check_refusal(request.error());
  check_request(*request, limits);
  const auto again = jobs::parse_job_request(body_of(*request), limits);
  require(again.has_value(), "a printed request is accepted");
  require(fingerprint(*again) == fingerprint(*request), "and asks for the same");
  require(again->client_job_id == request->client_job_id, "under the same key");
  require(again->files_id == request->files_id, "with the same files");
  require(jobs::differing_fields(fingerprint(*request), fingerprint(*again)).empty(),
          "nothing differs from itself");
}

}  // namespace
}  // namespace flashpods
