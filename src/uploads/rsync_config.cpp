#include "uploads/rsync_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "uploads/transfer_area.h"

namespace flashpods::uploads {

namespace {

// The second net; the hook refuses all it does not know.
constexpr const char* kRefused =
    "inplace append append-verify backup backup-dir temp-dir partial-dir compare-dest copy-dest "
    "link-dest keep-dirlinks fuzzy write-devices copy-devices remote-option log-file acls xattrs";

/// rsync hands the hook to a shell: each word in single quotes.
std::string shell_quoted(const std::vector<std::string>& words) {
  std::string command;
  for (const auto& word : words) {
    if (!command.empty()) command += ' ';
    command += '\'';
    for (const char c : word) command += c == '\'' ? std::string{"'\\''"} : std::string{c};
    command += '\'';
  }
  return command;
}

bool fits(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\n' || c == '\r' || c == '%'; }) &&
         !value.ends_with('\\') && !value.ends_with(' ');
}

}  // namespace

Result<std::string> rsync_config(const RsyncModule& module) {
  const std::string hook = shell_quoted(module.hook);
  const std::string secrets = module.secrets_file.value_or("").native();
  for (const auto& value : {module.directory.native(), module.log.native(), hook, secrets}) {
    if (!fits(value)) {
      return fail(ErrorKind::kInvalid, "unusable_path",
                  fmt::format("rsync cannot be configured with '{}': choose a path without "
                              "percent signs and line breaks.",
                              to_one_line(value)));
    }
  }
  std::string text = fmt::format(
      "use chroot = no\n"
      "log file = {}\n"
      "reverse lookup = no\n"
      "numeric ids = yes\n"
      "timeout = {}\n"
      "{}"
      "[uploads]\n"
      "path = {}\n"
      "temp dir = /{}\n"
      "read only = no\n"
      "write only = yes\n"
      "list = no\n"
      "munge symlinks = yes\n"
      "refuse options = {}\n"
      "pre-xfer exec = {}\n",
      module.log.native(), module.timeout_seconds, module.as_root ? "uid = 0\ngid = 0\n" : "",
      module.directory.native(), kReceiving, kRefused, hook);
  if (module.secrets_file) {
    text += fmt::format("auth users = {}\nsecrets file = {}\nstrict modes = yes\n", kRsyncUser,
                        secrets);
  }
  return text;
}

}  // namespace flashpods::uploads
