// Names of artifacts, uploads and jobs: what becomes a file's name is one name and no path.

#include <filesystem>

#include "artifacts/content_disposition.h"
#include "artifacts/name.h"
#include "base/random.h"
#include "base/text.h"
#include "base/utf8.h"
#include "fuzz/target.h"
#include "http/percent.h"
#include "jobs/names.h"

namespace flashpods {
namespace {

using fuzz::require;

bool is_one_component(std::string_view name) {
  const std::filesystem::path path(name);
  return !name.empty() && path.filename() == path && name != "." && name != ".." &&
         name.find('\0') == std::string_view::npos && name.size() <= 255;
}

/// RFC 6266: attachment; filename="…" and perhaps ; filename*=UTF-8''….
void check_disposition(std::string_view name) {
  constexpr std::string_view kBegin = "attachment; filename=\"";
  constexpr std::string_view kExtended = "\"; filename*=UTF-8''";
  const std::string header = artifacts::content_disposition(name);
  require(header.starts_with(kBegin), "the header begins as agreed");
  for (const char c : header) require(c >= 0x20 && c < 0x7f, "the header is visible ASCII");
  auto rest = std::string_view(header).substr(kBegin.size());
  const auto quote = rest.find('"');
  require(quote != std::string_view::npos, "the quoted name ends");
  require(rest.substr(0, quote).find('\\') == std::string_view::npos, "it needs no escapes");
  rest.remove_prefix(quote);
  if (rest == "\"") return;
  require(rest.starts_with(kExtended), "after the name comes nothing but the extended one");
  rest.remove_prefix(kExtended.size());
  require(http::percent_decode(rest) == to_valid_utf8(name), "the extended name is the name");
}

FUZZ_TARGET(artifact_name) {
  if (artifacts::validate_artifact_name(input)) {
    require(is_one_component(input), "an artifact's name is one component of a path");
    require(is_valid_utf8(input), "it is valid UTF-8");
    require(input.find("..") == std::string_view::npos, "it has no '..'");
  }
  check_disposition(input);
  if (is_upload_id(input)) require(is_one_component(input), "an upload id is one component");
  if (is_job_id(input)) require(is_one_component(input), "a job id is one component");
  if (!jobs::object_to_client_job_id(input)) {
    require(!is_job_id(input), "a client's id is no job id");
    require(is_one_component(input) || input == "." || input == "..", "nor a longer path");
  }
  if (!jobs::object_to_branch(input)) {
    require(input.front() != '-', "a branch is no option");
    require(input.find("..") == std::string_view::npos, "a branch is no range");
    require(input.front() != '/' && input.back() != '/', "a branch is no path of the host");
  }
  if (!jobs::object_to_env_name(input)) {
    require(input.find('=') == std::string_view::npos, "a variable's name has no '='");
    require(!input.starts_with("LD_"), "the loader's variables cannot be set");
  }
}

}  // namespace
}  // namespace flashpods
