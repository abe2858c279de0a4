#include "jobs/request.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json_reader.h"
#include "base/random.h"
#include "jobs/image_reference.h"
#include "jobs/names.h"

namespace flashpods::jobs {

namespace {

using nlohmann::json;

constexpr std::int64_t kMostCpus = 4096;
constexpr std::int64_t kMostMemoryGb = 65536;
constexpr std::int64_t kMostMinutes = 1'000'000;
constexpr std::size_t kMostEnvEntries = 100;
constexpr std::size_t kMostLabels = 20;

using Rule = Objection (*)(std::string_view);

void check(JsonReader& reader, std::string_view field, const std::optional<std::string>& value,
           Rule rule) {
  if (!value) return;
  if (const Objection why = rule(*value)) reader.reject(field, *why);
}

/// Free text that becomes an argument or a variable: bounded, and without NUL, which would end it.
void check_text(JsonReader& reader, std::string_view field, const std::optional<std::string>& value,
                std::size_t limit) {
  if (!value) return;
  if (value->size() > limit) {
    reader.reject(Error{ErrorKind::kTooLarge, "too_long",
                        fmt::format("{} has {} bytes, at most {} are allowed: put long text into a "
                                    "file of the upload",
                                    field, value->size(), limit)});
  }
  if (value->find('\0') != std::string::npos) reader.reject(field, "must not contain a NUL byte");
}

void require(JsonReader& reader, std::string_view field, const std::optional<std::string>& value,
             std::string_view type) {
  if (!value || value->empty()) {
    reader.reject(field, fmt::format("is required for type \"{}\" and must not be empty", type));
  }
}

void forbid(JsonReader& reader, std::string_view field, bool present, std::string_view type) {
  if (present) reader.reject(field, fmt::format("is not for jobs of type \"{}\"", type));
}

template <class Enum>
Enum read_word(JsonReader& reader, std::string_view field, Enum fallback,
               std::optional<Enum> (*parse)(std::string_view), std::string_view choices) {
  const auto word = reader.optional_string(field);
  if (!word) return fallback;
  const auto value = parse(*word);
  if (!value) reader.reject(field, fmt::format("must be one of {}", choices));
  return value.value_or(fallback);
}

void check_image(JsonReader& reader, const std::string& image,
                 const std::vector<std::string>& private_registries) {
  const auto reference = parse_image_reference(image);
  if (!reference) return reader.reject(reference.error());
  if (!has_private_registry(*reference)) return;
  if (std::ranges::find(private_registries, reference->registry) != private_registries.end()) {
    return;
  }
  reader.reject(Error{ErrorKind::kInvalid, "invalid_image",
                      "Images from a registry at an address or on a private network are not "
                      "allowed, unless the server's setting jobs.private_registries names it."});
}

void read_worker(JsonReader& reader, JobRequest& request, const JobLimits& limits) {
  const auto image = reader.optional_string("image");
  if (image) check_image(reader, *image, limits.private_registries);
  request.image = image.value_or(limits.worker.default_image);
  request.workspace =
      read_word(reader, "workspace", Workspace::kReadOnly, parse_workspace, "\"ro\", \"scratch\"");
  if (request.workspace == Workspace::kReadWrite) {
    reader.reject("workspace", "must be one of \"ro\", \"scratch\"");
  }
  require(reader, "command", request.command, "worker");
  forbid(reader, "task", request.task.has_value(), "worker");
  forbid(reader, "context", request.context.has_value(), "worker");
  forbid(reader, "git_branch", request.git_branch.has_value(), "worker");
}

void read_agent(JsonReader& reader, JobRequest& request, const JobLimits& limits) {
  forbid(reader, "image", reader.optional_string("image").has_value(), "agent");
  forbid(reader, "workspace", reader.optional_string("workspace").has_value(), "agent");
  request.image = limits.agent.default_image;
  request.workspace = Workspace::kReadWrite;
  require(reader, "task", request.task, "agent");
  require(reader, "git_branch", request.git_branch, "agent");
  forbid(reader, "command", request.command.has_value(), "agent");
}

void read_env(JsonReader& reader, JobRequest& request, std::size_t limit) {
  request.env = reader.string_map("env");
  if (request.env.size() > kMostEnvEntries) {
    reader.reject("env", fmt::format("must have at most {} entries", kMostEnvEntries));
  }
  for (const auto& [name, value] : request.env) {
    const std::string field = "env." + name;
    check(reader, field, name, object_to_env_name);
    check_text(reader, field, value, limit);
  }
}

void read_labels(JsonReader& reader, JobRequest& request) {
  request.name = reader.optional_string("name");
  check(reader, "name", request.name, object_to_label);
  request.labels = reader.string_map("labels");
  if (request.labels.size() > kMostLabels) {
    reader.reject("labels", fmt::format("must have at most {} entries", kMostLabels));
  }
  for (const auto& [key, value] : request.labels) {
    check(reader, "labels", key, object_to_label);
    check(reader, "labels." + key, value, object_to_label);
  }
}

/// Each string holds its own bound then; all of them are stored and sent with the job.
void check_together(JsonReader& reader, const JobTexts& texts, std::size_t limit) {
  std::size_t sum = 0;
  for (const auto* text : {&texts.command, &texts.task, &texts.context}) {
    sum += *text ? (*text)->size() : 0;
  }
  for (const auto& [name, value] : texts.env) sum += name.size() + value.size();
  if (sum <= limit) return;
  reader.reject(Error{ErrorKind::kInvalid, "request_too_long",
                      fmt::format("command, task, context and env have {} bytes together, at most "
                                  "{} are allowed: put long text into a file of the upload",
                                  sum, limit)});
}

/// A value of many bytes is compared by its digest.
json condensed(const json& value) {
  constexpr std::size_t kLong = 200;
  const std::string text = value.dump();
  return text.size() <= kLong ? value : json("sha256:" + sha256_hex(text));
}

Objection object_to_upload_id(std::string_view value) {
  if (is_upload_id(value)) return std::nullopt;
  return "must be an upload id: upload_ and 1 to 64 letters, digits or '-'";
}

}  // namespace

Result<JobRequest> parse_job_request(const json& body, const JobLimits& limits) {
  JsonReader reader(body);
  JobRequest request;
  const auto type = parse_job_type(reader.string("type"));
  if (!type) reader.reject("type", "must be \"worker\" or \"agent\"");
  request.type = type.value_or(JobType::kWorker);
  const TypeLimits& defaults = limits.of(request.type);

  request.client_job_id = reader.optional_string("client_job_id");
  check(reader, "client_job_id", request.client_job_id, object_to_client_job_id);
  request.files_id = reader.optional_string("files_id");
  check(reader, "files_id", request.files_id, object_to_upload_id);
  request.command = reader.optional_string("command");
  request.task = reader.optional_string("task");
  request.context = reader.optional_string("context");
  check_text(reader, "command", request.command, limits.max_text_bytes);
  check_text(reader, "task", request.task, limits.max_text_bytes);
  check_text(reader, "context", request.context, limits.max_text_bytes);
  request.git_branch = reader.optional_string("git_branch");
  check(reader, "git_branch", request.git_branch, object_to_branch);
  request.type == JobType::kWorker ? read_worker(reader, request, limits)
                                   : read_agent(reader, request, limits);
  request.resources.cpus =
      reader.optional_integer("cpus", 1, kMostCpus).value_or(defaults.defaults.cpus);
  request.resources.memory_gb =
      reader.optional_integer("memory_gb", 1, kMostMemoryGb).value_or(defaults.defaults.memory_gb);
  request.timeout_minutes = reader.optional_integer("timeout_minutes", 1, kMostMinutes)
                                .value_or(defaults.default_timeout_minutes);
  request.network =
      read_word(reader, "network", Network::kInternet, parse_network, "\"internet\", \"none\"");
  request.read_only_root = reader.optional_bool("read_only_root").value_or(false);
  request.keep_minutes = reader.optional_integer("keep_minutes", 1, limits.max_keep_minutes)
                             .value_or(limits.default_keep_minutes);
  read_env(reader, request, limits.max_text_bytes);
  check_together(reader, request, limits.max_texts_bytes);
  read_labels(reader, request);
  if (auto finished = reader.finish(); !finished) return std::unexpected(finished.error());
  return request;
}

json canonical(const JobRequest& request) {
  const auto or_null = [](const std::optional<std::string>& v) { return v ? json(*v) : json(); };
  return json{{"type", to_string(request.type)},
              {"command", or_null(request.command)},
              {"task", or_null(request.task)},
              {"context", or_null(request.context)},
              {"git_branch", or_null(request.git_branch)},
              {"image", request.image},
              {"cpus", request.resources.cpus},
              {"memory_gb", request.resources.memory_gb},
              {"timeout_minutes", request.timeout_minutes},
              {"network", to_string(request.network)},
              {"workspace", to_string(request.workspace)},
              {"read_only_root", request.read_only_root},
              {"env", request.env},
              {"name", or_null(request.name)},
              {"labels", request.labels},
              {"keep_minutes", request.keep_minutes}};
}

std::string fingerprint(const JobRequest& request) {
  json fields = canonical(request);
  for (auto& [field, value] : fields.items()) value = condensed(value);
  return fields.dump();
}

std::vector<std::string> differing_fields(const std::string& stored, const std::string& asked) {
  const json before = json::parse(stored, nullptr, false);
  const json now = json::parse(asked, nullptr, false);
  std::vector<std::string> fields;
  for (const auto& [field, value] : now.items()) {
    const bool known = before.is_object() && before.contains(field);
    if (!known || (before.at(field) != value && condensed(before.at(field)) != value)) {
      fields.push_back(field);
    }
  }
  return fields;
}

StringMap container_environment(const Job& job, const JobTexts& texts) {
  StringMap env = texts.env;
  if (job.request.type == JobType::kWorker) return env;
  env["FLASHPODS_TASK"] = texts.task.value_or("");
  if (texts.context) env["FLASHPODS_CONTEXT"] = *texts.context;
  env["FLASHPODS_GIT_BRANCH"] = job.request.git_branch.value_or("");
  env["FLASHPODS_JOB_ID"] = job.id;
  return env;
}

}  // namespace flashpods::jobs
