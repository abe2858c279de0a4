// What a server may answer our own clients: events, errors, jobs. First byte: how the stream is
// cut; second: the status.

#include <nlohmann/json.hpp>

#include "base/json_reader.h"
#include "base/random.h"
#include "base/text.h"
#include "client/env_file.h"
#include "client/event_stream.h"
#include "client/reply_error.h"
#include "fuzz/target.h"
#include "mcp/job_report.h"
#include "mcp/root_uris.h"

namespace flashpods {
namespace {

using fuzz::require;
using Events = std::vector<std::pair<std::string, std::string>>;

Events events_of(std::string_view bytes, std::size_t piece) {
  Events events;
  client::EventStream stream([&](std::string_view event, std::string_view data) {
    events.emplace_back(event, data);
    return true;
  });
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    require(stream.add(bytes.substr(0, piece)), "nobody stopped it");
  return events;
}

void check_error(std::string_view body, unsigned status) {
  http::ClientResponse reply;
  reply.status = 100 + static_cast<int>(status) * 2;
  reply.body = body;
  const auto error = client::to_error(reply, {"http", "localhost", 8080});
  require(!error.code.empty(), "an error has a code");
  require(to_one_line(error.message, error.message.size()) == error.message,
          "its message is one visible line");
}

void check_report(const nlohmann::json& job) {
  SeededRandom random{1};
  for (const auto& reply : {mcp::report_job(job, "", random), mcp::report_job(job, "x", random)}) {
    require(reply.structured && reply.structured->is_object(), "a report is an object");
    require(is_valid_utf8(reply.text), "and text");
    const auto& seconds = (*reply.structured)["elapsed_seconds"];
    require(seconds.is_null() || seconds.get<std::int64_t>() >= 0, "no time runs backwards");
  }
  require(mcp::summarize_job(job).is_object(), "a summary is an object");
}

void check_roots(std::string_view uri) {
  const auto path = mcp::path_of_file_uri(uri);
  if (!path) return;
  require(path->is_absolute(), "a root is an absolute path");
  require(path->native().find('\0') == std::string::npos, "without NUL");
}

FUZZ_TARGET(client_reply) {
  const std::size_t piece = fuzz::take_byte(input) + 1;
  const auto status = fuzz::take_byte(input);
  require(events_of(input, piece) == events_of(input, input.size() + 1), "cuts change no event");
  check_error(input, status);
  check_roots(input);
  for (const auto& [name, value] : client::parse_env_file(input))
    require(name.find('=') == std::string::npos && name.find('\n') == std::string::npos,
            "a variable's name is one word of a line");
  if (const auto job = parse_json(input)) {
    check_report(*job);
    (void)mcp::read_roots(*job);
  }
}

}  // namespace
}  // namespace flashpods
