#include "client/uploader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "client/private_file.h"
#include "client/reply_error.h"
#include "client/streamed_child.h"

namespace flashpods::client {

namespace {

using nlohmann::json;

constexpr int kTries = 3;
constexpr int kFinalizeTries = 5;
constexpr Milliseconds kFirstPause{1'000};
constexpr int kVanishedFiles = 24;  ///< rsync: some source files went away meanwhile

/// Exit codes of rsync(1) after which the same transfer may well succeed: socket, protocol stream,
/// signals, timeouts.
constexpr std::array kInterrupted{10, 12, 20, 30, 35};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool may_succeed_later(const CommandResult& result) {
  if (!result.exit_code || has(result.err, "max connections")) return true;
  if (has(result.err, "File too large") || has(result.err, "No space left")) return false;
  return std::ranges::find(kInterrupted, *result.exit_code) != kInterrupted.end();
}

Error transfer_error(const CommandResult& result, const Connection& connection) {
  if (has(result.err, "File too large") || has(result.err, "No space left")) {
    return {ErrorKind::kInsufficientStorage, "quota_exceeded",
            "the server's upload quota is reached; send less (files.exclude, gitignore) or wait "
            "until other uploads are gone"};
  }
  if (has(result.err, "auth failed")) {
    return {ErrorKind::kUnauthorized, "rsync_auth_failed",
            "the rsync server refused the password; source the env file that `flashpods up` "
            "names, or set RSYNC_PASSWORD"};
  }
  return {ErrorKind::kUnavailable, "upload_failed",
          "rsync to " + connection.rsync_url + " ended with " +
              (result.exit_code ? "code " + std::to_string(*result.exit_code)
                                : "signal " + std::to_string(result.signal))};
}

Command transfer_command(const UploadPlan& plan, const Connection& connection,
                         const std::string& upload_id, const std::string& ignored_file) {
  Command command;
  command.argv = rsync_arguments(plan, connection.rsync_url, upload_id, ignored_file);
  command.env = tool_environment();
  command.env["LC_ALL"] = "C";
  if (!connection.rsync_password.empty()) {
    command.env["RSYNC_PASSWORD"] = connection.rsync_password;
  }
  return command;
}

/// Cuts rsync's output into lines, which end in CR or LF.
class ProgressReader {
 public:
  ProgressReader(std::uint64_t expected, OnProgress on_progress)
      : expected_(expected), on_progress_(std::move(on_progress)) {}

  void operator()(std::string_view piece) {
    for (const char c : piece) {
      if (c != '\r' && c != '\n') {
        if (line_.size() < 512) line_ += c;
        continue;
      }
      report();
      line_.clear();
    }
  }

 private:
  void report() {
    auto progress = parse_progress(line_);
    if (!progress || !on_progress_) return;
    // rsync's own percentage grows against a total it has not seen whole yet.
    if (expected_ > 0) {
      const auto percent = std::min<std::uint64_t>(100, progress->bytes * 100 / expected_);
      progress->percent = static_cast<int>(percent);
    }
    on_progress_(*progress);
  }

  std::uint64_t expected_;
  OnProgress on_progress_;
  std::string line_;
};

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

Awaitable<Result<void>> transfer_once(const Connection& connection, const UploadPlan& plan,
                                      const std::string& upload_id, OnProgress on_progress,
                                      bool& again) {
  Result<PrivateFile> ignored = PrivateFile{};
  if (!plan.ignored.empty()) ignored = write_private_file(joined_lines(plan.ignored));
  if (!ignored) co_return std::unexpected(std::move(ignored.error()));
  auto command = transfer_command(plan, connection, upload_id, ignored->path());
  auto result =
      co_await run_streamed(std::move(command), ProgressReader{plan.bytes, std::move(on_progress)});
  again = false;
  if (!result) {
    if (result.error().code == "command_not_found") {
      result.error().message += "; uploads need the program rsync: install it";
    }
    co_return std::unexpected(std::move(result.error()));
  }
  if (result->ok() || result->exit_code == kVanishedFiles) co_return Result<void>{};
  again = may_succeed_later(*result);
  co_return std::unexpected(quoting(transfer_error(*result, connection), result->err));
}

Awaitable<Result<void>> transfer(Api& api, Timer& timer, const UploadPlan& plan,
                                 const std::string& upload_id, OnProgress on_progress) {
  for (int attempt = 1;; ++attempt) {
    bool again = false;
    auto sent = co_await transfer_once(api.connection(), plan, upload_id, on_progress, again);
    if (sent || !again || attempt == kTries) co_return sent;
    co_await timer.sleep_for(kFirstPause * (1 << (attempt - 1)));
  }
}

bool is_finalized(const Result<json>& upload) {
  return upload && upload->value("state", std::string{}) == "finalized";
}

/// Finalize until it is answered: a reply may get lost, and the server may still see the transfer's
/// last moment (upload_in_progress).
Awaitable<Result<json>> finalize(Api& api, Timer& timer, std::string upload_id) {
  for (int attempt = 1;; ++attempt) {
    auto reply = co_await api.finalize_upload(upload_id);
    if (reply) co_return reply;
    if (reply.error().code == "already_finalized") {
      auto upload = co_await api.upload(upload_id);
      if (is_finalized(upload)) co_return upload;
      co_return reply;
    }
    const bool again = is_transient(reply.error()) || reply.error().code == "upload_in_progress";
    if (!again || attempt == kFinalizeTries) co_return reply;
    co_await timer.sleep_for(kFirstPause * attempt);
  }
}

/// Digits of a number that may have separators ("1,234"), as a number.
std::optional<std::uint64_t> read_number(std::string_view& text) {
  std::string digits;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != ' ' && text[at] != '%'; ++at) {
    const char c = text[at];
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (c != ',' && c != '.' && c != '\'') {
      return std::nullopt;
    }
  }
  text.remove_prefix(at);
  std::uint64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value);
  if (digits.empty() || parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

void skip_spaces(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

}  // namespace

std::optional<UploadProgress> parse_progress(std::string_view line) {
  skip_spaces(line);
  const auto bytes = read_number(line);
  skip_spaces(line);
  if (!bytes || line.empty()) return std::nullopt;
  const auto percent = read_number(line);
  if (!percent || *percent > 100 || !line.starts_with('%')) return std::nullopt;
  return UploadProgress{*bytes, static_cast<int>(*percent)};
}

std::vector<std::string> rsync_arguments(const UploadPlan& plan, const std::string& rsync_url,
                                         const std::string& upload_id,
                                         const std::string& ignored_file) {
  std::vector<std::string> argv{"rsync", "-az", "--delete", "--partial", "--timeout=60"};
#ifndef __APPLE__
  argv.emplace_back("--info=progress2");  // unknown to openrsync
#endif
  if (!ignored_file.empty()) argv.push_back("--exclude-from=" + ignored_file);
  for (const auto& pattern : plan.exclude) argv.push_back("--exclude=" + pattern);
  argv.emplace_back("--");
  argv.push_back(plan.directory.string() + "/");
  argv.push_back(rsync_url + "/" + upload_id + "/");
  return argv;
}

std::optional<std::uint64_t> upload_limit(const json& health) {
  const auto uploads = health.find("uploads");
  if (uploads == health.end() || !uploads->is_object()) return std::nullopt;
  std::optional<std::uint64_t> limit;
  for (const auto* name : {"max_bytes", "free_bytes"}) {
    const auto member = uploads->find(name);
    if (member == uploads->end() || !member->is_number_unsigned()) continue;
    const auto bytes = member->get<std::uint64_t>();
    limit = limit ? std::min(*limit, bytes) : bytes;
  }
  return limit;
}

/// The server may not know how a transfer ended, as when it was restarted meanwhile: then the same
/// transfer, which has little to send, is made again.
Awaitable<Result<json>> send_upload(Api& api, Timer& timer, UploadPlan plan, std::string upload_id,
                                    OnProgress on_progress) {
  auto earlier = co_await api.upload(upload_id);
  if (is_finalized(earlier)) co_return earlier;
  for (int attempt = 1;; ++attempt) {
    auto sent = co_await transfer(api, timer, plan, upload_id, on_progress);
    if (!sent) co_return std::unexpected(std::move(sent.error()));
    auto final = co_await finalize(api, timer, upload_id);
    const bool again = !final && final.error().code == "upload_incomplete";
    if (!again || attempt == kTries) co_return final;
  }
}

}  // namespace flashpods::client
