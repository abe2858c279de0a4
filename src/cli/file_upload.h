#pragma once

#include <string>
#include <vector>

#include "async/awaitable.h"
#include "base/error.h"
#include "cli/parameters.h"
#include "cli/session.h"
#include "client/api.h"
#include "client/upload_plan.h"

namespace flashpods::cli {

/// Which local directory goes along with a job.
struct FileOptions {
  std::string directory;  ///< empty: none
  std::vector<std::string> exclude;
  bool gitignore = false;
  bool all_files = false;  ///< also what is left out by default
  std::vector<std::string> left_out = client::default_excludes();  ///< rsync patterns
};

/// The options that `run` and `agent` share.
void add_file_parameters(std::vector<Parameter>& parameters, FileOptions& options);

/// Sends the directory, with a progress bar on a terminal; returns the upload's id. Files that look
/// like secrets are named on stderr; what is too large is refused before a byte is sent.
Awaitable<Result<std::string>> upload_files(Session& session, client::Api& api,
                                            FileOptions options);

}  // namespace flashpods::cli
