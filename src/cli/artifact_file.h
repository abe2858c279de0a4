#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "cli/session.h"
#include "client/download.h"

namespace flashpods::cli {

/// An artifact's name as a file name of ours: one path component without control characters, not
/// "." or "..", and none that programs obey (client/obeyed_names.h). kInvalid "unsafe_name"
/// otherwise; the server's word is data.
[[nodiscard]] Result<std::string> local_file_name(std::string_view artifact);

/// Where `get` saves: `output` itself; NAME inside it if it is a directory or ends in '/'; NAME
/// here if it is empty.
[[nodiscard]] Result<std::filesystem::path> artifact_target(const std::string& output,
                                                            std::string_view artifact);

/// Downloads with a progress bar, making the target's directory first.
Awaitable<Result<client::Downloaded>> download(Session& session, client::Api& api,
                                               client::DownloadRequest request);

}  // namespace flashpods::cli
