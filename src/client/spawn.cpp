#include "client/spawn.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "client/reply_error.h"

namespace flashpods::client {

namespace {

using nlohmann::json;

constexpr Milliseconds kFirstWait{1'000};
constexpr Milliseconds kLongestWait{30'000};
constexpr Milliseconds kLongestAsked{60'000};

const json& details_of(const Error& error) {
  static const json kNothing = json::object();
  return error.details ? *error.details : kNothing;
}

bool never_fits(const Error& error) {
  const auto& details = details_of(error);
  const auto found = details.find("never_fits");
  return found != details.end() && found->is_boolean() && found->get<bool>();
}

std::optional<Seconds> retry_after(const Error& error) {
  const auto& details = details_of(error);
  const auto found = details.find("retry_after_seconds");
  if (found == details.end() || !found->is_number_unsigned()) return std::nullopt;
  return Seconds{std::min<std::uint64_t>(found->get<std::uint64_t>(), 3600)};
}

/// "2 cpus and 6 GB" of a member such as {"cpus": 2, "memory_gb": 6}.
std::string room_text(const json& details, const char* name) {
  const auto room = details.find(name);
  if (room == details.end() || !room->is_object()) return "unknown";
  const auto number = [&](const char* member) {
    const auto value = room->find(member);
    return value != room->end() && value->is_number() ? value->dump() : std::string{"?"};
  };
  return number("cpus") + " cpus and " + number("memory_gb") + " GB";
}

std::string count_text(const json& details, const char* name) {
  const auto value = details.find(name);
  return value != details.end() && value->is_number_integer() ? value->dump() : std::string{"?"};
}

std::string kept_upload(const json& request) {
  const auto upload = request.find("files_id");
  if (upload == request.end() || !upload->is_string()) return {};
  return " The files are kept on the server for a while: try again with files_id \"" +
         upload->get<std::string>() + "\" instead of files, and nothing is sent again.";
}

Error no_room(Error error, const json& request) {
  const auto& details = details_of(error);
  error.message = "the host has no room for this job: asked " + room_text(details, "requested") +
                  ", free " + room_text(details, "available") + " of " +
                  room_text(details, "host_capacity") +
                  ", running jobs: " + count_text(details, "running_jobs") + ".";
  error.message += never_fits(error)
                       ? " It can never fit this host; ask for less."
                       : " Ask for less, wait for a job to end (list_jobs), or kill one.";
  error.message += kept_upload(request);
  return error;
}

bool may_retry(const Error& error) {
  if (error.kind == ErrorKind::kExhausted) return !never_fits(error);
  return is_transient(error);
}

}  // namespace

Milliseconds spawn_wait(int attempt, std::optional<Seconds> retry_after) {
  const auto exponent = std::clamp(attempt, 0, 16);
  const auto grown = std::min(kFirstWait * (1 << exponent), kLongestWait);
  if (!retry_after) return grown;
  return std::max(grown, std::min(Milliseconds{*retry_after}, kLongestAsked));
}

Awaitable<Result<json>> spawn_job(Api& api, Timer& timer, json request, SpawnPolicy policy,
                                  OnSpawnWait on_wait) {
  for (int attempt = 0;; ++attempt) {
    auto reply = co_await api.create_job(request);
    if (reply) co_return reply;
    auto& error = reply.error();
    if (!may_retry(error) || attempt + 1 >= policy.attempts) {
      if (error.kind == ErrorKind::kExhausted) error = no_room(std::move(error), request);
      co_return reply;
    }
    const auto wait = spawn_wait(attempt, retry_after(error));
    if (on_wait) on_wait(error, wait);
    co_await timer.sleep_for(wait);
  }
}

}  // namespace flashpods::client
