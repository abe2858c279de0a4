#include "mcp/call_result.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "client/reply_error.h"
#include "mcp/job_data.h"

namespace flashpods::mcp {

using nlohmann::json;

namespace {

json text_content(const std::string& text) {
  return json::array({{{"type", "text"}, {"text", to_valid_utf8(text)}}});
}

json error_result(const Error& error, Random& random) {
  auto text = error.code + ": " + error.message;
  const auto quoted = client::quoted_words(error);
  if (!quoted.empty()) text += "\n" + fenced(random, "details", quoted, kQuoteNotice);
  return {{"content", text_content(text)}, {"isError", true}};
}

json success_result(const ToolReply& reply, Revision revision) {
  json result{{"content", text_content(reply.text)}, {"isError", false}};
  if (has_structured_content(revision) && reply.structured) {
    result["structuredContent"] = *reply.structured;
  }
  return result;
}

}  // namespace

json make_call_result(const Result<ToolReply>& outcome, Revision revision, Random& random) {
  auto result =
      outcome ? success_result(*outcome, revision) : error_result(outcome.error(), random);
  if (!has_sessions(revision)) result["resultType"] = "complete";
  return result;
}

}  // namespace flashpods::mcp
