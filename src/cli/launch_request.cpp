#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/launch.h"

namespace flashpods::cli {
namespace {

std::unexpected<Error> wrong(const std::string& message) {
  return fail(ErrorKind::kInvalid, "usage", message);
}

Result<nlohmann::json> environment_members(const std::vector<std::string>& words,
                                           const std::map<std::string, std::string>& own) {
  auto result = nlohmann::json::object();
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) {
      result[word.substr(0, equals)] = word.substr(equals + 1);
      continue;
    }
    const auto found = own.find(word);
    if (found == own.end()) return wrong("--env " + word + ": it is not set here; give NAME=value");
    result[word] = found->second;
  }
  return result;
}

Result<nlohmann::json> label_members(const std::vector<std::string>& words) {
  auto result = nlohmann::json::object();
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) return wrong("--label " + word + ": give KEY=VALUE");
    result[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return result;
}

void add_number(nlohmann::json& request, const char* name,
                const std::optional<std::int64_t>& value) {
  if (value) request[name] = *value;
}

void add_text(nlohmann::json& request, const char* name, const std::string& value) {
  if (!value.empty()) request[name] = value;
}

}  // namespace

void add_launch_parameters(std::vector<Parameter>& parameters, LaunchOptions& options) {
  add_file_parameters(parameters, options.files);
  parameters.insert(
      parameters.end(),
      {{"--cpus", &options.cpus, "N", "processors to reserve"},
       {"--memory", &options.memory_gb, "GB", "memory to reserve"},
       {"--timeout", &options.timeout_minutes, "MINUTES", "the job is stopped after this long"},
       {"--network", &options.network, "MODE", "what it may reach", {"internet", "none"}},
       {"--read-only-root", &options.read_only_root, "",
        "the image's files cannot be changed; /tmp, /var/tmp and /run stay writable"},
       {"-e,--env", &options.env, "NAME=VALUE",
        "environment variable, no secrets; NAME alone takes the value from here; repeatable"},
       {"-n,--name", &options.name, "NAME", "a name to find the job by"},
       {"--label", &options.labels, "KEY=VALUE", "a label to find the job by; repeatable"},
       {"--keep-minutes", &options.keep_minutes, "MINUTES", "how long artifacts are kept"},
       {"--client-job-id", &options.client_job_id, "ID",
        "your own id: the same one again never makes a second job"},
       {"-d,--detach", &options.detach, "", "print the job's id and leave it running"}});
}

Result<nlohmann::json> launch_request(const LaunchOptions& options,
                                      const std::map<std::string, std::string>& environment) {
  auto request = nlohmann::json::object();
  add_number(request, "cpus", options.cpus);
  add_number(request, "memory_gb", options.memory_gb);
  add_number(request, "timeout_minutes", options.timeout_minutes);
  add_number(request, "keep_minutes", options.keep_minutes);
  add_text(request, "network", options.network);
  if (options.read_only_root) request["read_only_root"] = true;
  add_text(request, "name", options.name);
  add_text(request, "client_job_id", options.client_job_id);
  auto env = environment_members(options.env, environment);
  if (!env) return env;
  if (!env->empty()) request["env"] = std::move(*env);
  auto labels = label_members(options.labels);
  if (!labels) return labels;
  if (!labels->empty()) request["labels"] = std::move(*labels);
  return request;
}

}  // namespace flashpods::cli
