#pragma once

#include <memory>

#include "async/awaitable.h"
#include "base/error.h"
#include "client/api.h"

namespace flashpods::cli {

struct Session;

/// The server this user's settings name (client/connection.h). No byte is sent yet.
Awaitable<Result<std::unique_ptr<client::Api>>> connect(Session& session);

}  // namespace flashpods::cli
