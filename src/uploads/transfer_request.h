#pragma once
// What a client asks rsync to do, as rsync's own pre-xfer hook reports it, and whether that is an
// upload we take. Allowed is what `rsync -avz --delete --partial --exclude …` and its like send
// (rsync 3.x and openrsync); everything else is refused, because an option we do not know may write
// somewhere else, or read.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace flashpods::uploads {

/// RSYNC_MODULE_NAME, RSYNC_REQUEST and RSYNC_ARG# of rsyncd.conf(5), "pre-xfer exec".
struct TransferRequest {
  std::string request;                 ///< "uploads/upload_ID/", as the client wrote it
  std::vector<std::string> arguments;  ///< RSYNC_ARG1…, RSYNC_ARG0 left out
};

/// The upload that the request writes to. kInvalid or kForbidden with words for the rsync user.
[[nodiscard]] Result<std::string> uploaded_id(const TransferRequest& request);

}  // namespace flashpods::uploads
