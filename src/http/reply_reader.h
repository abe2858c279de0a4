#pragma once

#include <optional>

#include "http/client.h"
#include "http/client_link.h"

namespace flashpods::http {

/// How to read one reply.
struct ReplyPlan {
  bool head_only = false;             ///< the reply to HEAD: no body, whatever its header says
  std::size_t max_body = 0;           ///< of a body that is kept
  Milliseconds timeout{0};            ///< for each piece of a streamed body
  const OnPiece* on_piece = nullptr;  ///< takes bodies of 200 and 206; none: they are kept
};

/// What came of it.
struct Reply {
  ClientResponse response;
  std::optional<Error> error;
  bool any_byte = false;  ///< the server began to answer: sending again would be another request
  bool timed_out = false;
  bool reusable = false;  ///< the connection may carry another request
};

/// Reads one reply (interim 1xx ones are skipped). The link's deadline is the caller's until a
/// streamed body begins.
Awaitable<Reply> read_reply(ClientLink& link, const Origin& origin, ReplyPlan plan);

}  // namespace flashpods::http
