// flashpods status: all there is to know about one job.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/job_end.h"
#include "cli/job_reference.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
Examples:
  flashpods status job_k3jx        # the beginning of an id will do
  flashpods status nightly --json
)";

std::string plain(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_integer() ? std::to_string(value.get<std::int64_t>()) : std::string{};
}

std::string pairs_of(const nlohmann::json& object) {
  std::string text;
  if (!object.is_object()) return text;
  for (const auto& [key, value] : object.items()) {
    text += (text.empty() ? "" : " ") + key + "=" + plain(value);
  }
  return text;
}

std::string log_of(const nlohmann::json& job) {
  const auto& log = member_at(job, "log");
  const auto bytes = integer_at(log, "total_bytes").value_or(0);
  const std::string size = to_human_size(static_cast<std::uintmax_t>(bytes));
  return flag_at(log, "truncated") ? size + ", the rest was dropped" : size;
}

std::string artifacts_of(const nlohmann::json& job) {
  const auto& artifacts = member_at(job, "artifacts");
  const auto count = integer_at(artifacts, "count").value_or(0);
  const auto rejected = integer_at(artifacts, "rejected").value_or(0);
  const auto bytes = integer_at(artifacts, "total_size_bytes").value_or(0);
  if (count == 0 && rejected == 0) return {};
  auto text = std::to_string(count) + ", " + to_human_size(static_cast<std::uintmax_t>(bytes));
  if (rejected > 0) text += ", " + std::to_string(rejected) + " rejected";
  const auto until = text_at(artifacts, "expires_at");
  return until.empty() ? text : text + ", until " + until;
}

std::string reserved(const nlohmann::json& job) {
  const auto limits = text_at(job, "limits");
  return plain(member_at(job, "cpus")) + " cpus, " + plain(member_at(job, "memory_gb")) + " GB, " +
         plain(member_at(job, "timeout_minutes")) + " minutes" +
         (limits == "unenforced" ? " (not enforced on this host)" : "");
}

class Lines {
 public:
  explicit Lines(const nlohmann::json& job) : job_(job) {}
  void member(std::string label, std::string_view name) {
    add(std::move(label), plain(member_at(job_, name)));
  }
  void add(std::string label, Cell value) {
    if (!value.text.empty()) table_.add({Cell{std::move(label), Style::kDim}, std::move(value)});
  }
  [[nodiscard]] std::string render(bool colour) const { return table_.render(colour); }

 private:
  const nlohmann::json& job_;
  Table table_;
};

void add_what(Lines& lines) {
  lines.member("name", "name");
  lines.member("type", "type");
  lines.member("command", "command");
  lines.member("task", "task");
  lines.member("branch", "git_branch");
  lines.member("image", "image");
  lines.member("digest", "image_digest");
  lines.member("files", "files_id");
  lines.member("workspace", "workspace");
  lines.member("network", "network");
}

void add_when(Lines& lines) {
  lines.member("created", "created_at");
  lines.member("started", "started_at");
  lines.member("completed", "completed_at");
}

std::string render(const nlohmann::json& job, bool colour) {
  Lines lines{job};
  const auto status = effective_status(job);
  lines.member("job", "id");
  lines.add("status", Cell{has_ended(job) ? describe_end(job) : status, style_of_status(status)});
  lines.member("exit code", "exit_code");
  lines.member("message", "message");
  lines.member("details", "details");
  lines.member("hint", "hint");
  lines.add("runtime", job_duration(job));
  add_what(lines);
  if (flag_at(job, "read_only_root")) lines.add("root", "read-only");
  lines.add("env", pairs_of(member_at(job, "env")));
  lines.add("labels", pairs_of(member_at(job, "labels")));
  lines.add("reserved", reserved(job));
  add_when(lines);
  lines.add("log", log_of(job));
  lines.add("artifacts", artifacts_of(job));
  lines.member("client id", "client_job_id");
  return lines.render(colour);
}

class Status final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"JOB", &job_, "", "which job", {}, true}};
  }

  Awaitable<int> execute(Session& session) override {
    auto api = co_await connect(session);
    if (!api) co_return session.fail(api.error());
    auto job = co_await find_job(**api, job_);
    if (!job) co_return session.fail(job.error());
    if (session.json) {
      session.console.json(*job);
    } else {
      session.console.print(render(*job, session.console.out().colour));
    }
    co_return 0;
  }

 private:
  std::string job_;
};

}  // namespace

extern const VerbEntry kStatusVerb;
constinit const VerbEntry kStatusVerb{.name = "status",
                                      .group = "Jobs",
                                      .summary = "show one job",
                                      .details = kDetails,
                                      .make = make_verb<Status>};

}  // namespace flashpods::cli
