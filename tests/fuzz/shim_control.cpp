// The shim's control socket. First byte: how many bytes come at a time; then what a peer sends.

#include <algorithm>
#include <array>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/json_reader.h"
#include "executors/shim/control_server.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

constexpr std::size_t kShortLine = 4096;

/// How often these lines ask for a stop; nothing if one is so long that the peer may be dropped.
std::optional<int> stops_in(std::string_view bytes) {
  int stops = 0;
  while (bytes.find('\n') != std::string_view::npos) {
    const auto line = fuzz::take_line(bytes);
    if (line.size() >= kShortLine) return std::nullopt;
    const auto command = parse_json(line);
    if (command && command->is_object() && command->contains("command"))
      stops += (*command)["command"] == "stop" ? 1 : 0;
  }
  if (bytes.size() >= kShortLine) return std::nullopt;
  return stops;
}

/// What the server did with bytes that came in pieces, and what it said.
struct Heard {
  int stops = 0;
  std::string said;
};

void drain(int socket, std::string& said) {
  std::array<char, 4096> piece{};
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(socket, piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) said.append(piece.data(), static_cast<std::size_t>(got));
  }
}

Heard talk(std::string_view bytes, std::size_t piece) {
  std::array<int, 2> pair{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0, "a socket pair");
  const Fd peer(pair[0]);
  Heard heard;
  shim::PollLoop loop;
  shim::ControlServer server(loop, [&heard] { ++heard.stops; });
  server.adopt(Fd(pair[1]));
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const auto part = bytes.substr(0, piece);
    if (::send(peer.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
    int turns = 0;
    (void)loop.run_until([&turns] { return ++turns > 1; });
    drain(peer.get(), heard.said);
  }
  server.tell("exited");
  drain(peer.get(), heard.said);
  return heard;
}

std::string events(int stops) {
  std::string text = "{\"event\":\"hello\"}\n";
  for (; stops > 0; --stops) text += "{\"event\":\"stopping\"}\n";
  return text + "{\"event\":\"exited\"}\n";
}

FUZZ_TARGET(shim_control) {
  const std::size_t piece = fuzz::take_byte(input) + 1;
  input = input.substr(0, 8192);
  const auto heard = talk(input, piece);
  const auto stops = stops_in(input);
  if (!stops) return;
  require(heard.stops == *stops, "a stop is what asks for one, however it is cut");
  require(heard.said == events(*stops), "every stop is acknowledged");
}

}  // namespace
}  // namespace flashpods
