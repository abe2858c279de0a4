#pragma once

#include "base/error.h"
#include "http/client.h"

namespace flashpods::client {

/// An error reply of the server ({"error", "message", …}) as an Error: same code and message, the
/// whole object plus "status" (and "retry_after_seconds" where the header stands) as details. A
/// reply that is not ours (a proxy's page) becomes "unexpected_reply".
[[nodiscard]] Error to_error(const http::ClientResponse& reply, const http::Origin& origin);

/// A transport error with what to run: an unreachable loopback server says `flashpods up`.
[[nodiscard]] Error with_advice(Error error, const http::Origin& origin);

/// The error with the words of another program (rsync, git), or names that a directory's content
/// chose, as its `details` member: data, which no message of ours quotes.
[[nodiscard]] Error quoting(Error error, std::string_view words);

/// What `quoting`, or a server's reply, put there; empty if nothing.
[[nodiscard]] std::string quoted_words(const Error& error);

/// Whether the same request may be sent again: the reply got lost, or the server is coming up.
[[nodiscard]] bool is_transient(const Error& error);

}  // namespace flashpods::client
