#pragma once
// Sending a directory: rsync into uploads/ID, then finalize.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "async/awaitable.h"
#include "async/timer.h"
#include "base/error.h"
#include "client/api.h"
#include "client/upload_plan.h"

namespace flashpods::client {

/// How far a transfer is, from rsync's own --info=progress2.
struct UploadProgress {
  std::uint64_t bytes = 0;  ///< of the tree, what was found unchanged included
  int percent = 0;
};
using OnProgress = std::function<void(const UploadProgress&)>;

/// Sends `plan` as `upload_id` and finalizes it; returns the finalize reply. An interrupted
/// transfer is taken up again under the same id (three tries, growing waits). An id that is
/// finalized already, by us with a lost reply or earlier, counts as success. Cancelling the
/// awaiting task kills rsync and keeps what was sent, for a later call with the same id.
Awaitable<Result<nlohmann::json>> send_upload(Api& api, Timer& timer, UploadPlan plan,
                                              std::string upload_id, OnProgress on_progress);

/// The largest upload the server takes now, from its /health (uploads.max_bytes, free_bytes);
/// nothing if it does not say.
[[nodiscard]] std::optional<std::uint64_t> upload_limit(const nlohmann::json& health);

/// Reads one line of rsync --info=progress2 ("  1,234,567  42%  1.2MB/s  0:00:03 …").
[[nodiscard]] std::optional<UploadProgress> parse_progress(std::string_view line);

/// argv of the transfer; the password goes by environment.
[[nodiscard]] std::vector<std::string> rsync_arguments(const UploadPlan& plan,
                                                       const std::string& rsync_url,
                                                       const std::string& upload_id,
                                                       const std::string& ignored_file);

}  // namespace flashpods::client
