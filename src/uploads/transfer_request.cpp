#include "uploads/transfer_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>

#include <fmt/format.h>

#include "base/random.h"
#include "base/text.h"

namespace flashpods::uploads {

namespace {

constexpr std::string_view kModulePrefix = "uploads/";

// rsync(1). Left out on purpose: A X (ACLs and extended attributes), b (backups), K (follows links
// on our side), T y (other directories), B M and all else that takes a value of its own.
constexpr std::string_view kLetters = "vqlogDtprzcxHSWuIOJELRdmisNU";

constexpr std::array<std::string_view, 42> kOptions{"--server",
                                                    "--delete",
                                                    "--delete-before",
                                                    "--delete-during",
                                                    "--delete-delay",
                                                    "--delete-after",
                                                    "--delete-excluded",
                                                    "--partial",
                                                    "--force",
                                                    "--ignore-errors",
                                                    "--ignore-existing",
                                                    "--existing",
                                                    "--size-only",
                                                    "--numeric-ids",
                                                    "--stats",
                                                    "--no-implied-dirs",
                                                    "--new-compress",
                                                    "--old-compress",
                                                    "--no-inc-recursive",
                                                    "--no-i-r",
                                                    "--dirs",
                                                    "--links",
                                                    "--perms",
                                                    "--times",
                                                    "--owner",
                                                    "--group",
                                                    "--devices",
                                                    "--specials",
                                                    "--recursive",
                                                    "--compress",
                                                    "--verbose",
                                                    "--no-D",
                                                    "--no-r",
                                                    "--no-relative",
                                                    "--from0",
                                                    "--checksum",
                                                    "--update",
                                                    "--whole-file",
                                                    "--no-whole-file",
                                                    "--omit-dir-times",
                                                    "--open-noatime",
                                                    "--secluded-args"};

constexpr std::array<std::string_view, 12> kOptionsWithValue{
    "--log-format=",      "--out-format=", "--bwlimit=",         "--max-size=",
    "--min-size=",        "--timeout=",    "--compress-choice=", "--compress-level=",
    "--checksum-choice=", "--max-alloc=",  "--modify-window=",   "--files-from=-"};

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::kForbidden, "transfer_refused", std::move(message));
}

template <class Range>
bool is_one_of(const Range& range, std::string_view word) {
  return std::ranges::find(range, word) != std::ranges::end(range);
}

/// "-vlogDtprze.iLsfxCIvu": flags, then `e` and the client's capabilities. An `e` with nothing
/// after it would take the next argument for its value, "." before the destination for example.
bool is_allowed_cluster(std::string_view argument) {
  if (argument.find('e') == argument.size() - 1) return false;
  const auto flags = argument.substr(1, argument.find('e') - 1);
  return std::ranges::all_of(flags,
                             [](char letter) { return kLetters.find(letter) != kLetters.npos; });
}

/// Of a single-letter option, alone or in a cluster.
bool has_letter(std::string_view argument, char letter) {
  if (!argument.starts_with('-') || argument.starts_with("--")) return false;
  return argument.substr(0, argument.find('e')).find(letter) != argument.npos;
}

/// A file of zeros without end arrives so as next to nothing, is written as nothing, and would keep
/// rsync busy for as long as its client goes on: no quota ever meets it.
bool is_sparse_and_packed(const std::vector<std::string>& options) {
  const auto sparse = [](std::string_view option) { return has_letter(option, 'S'); };
  const auto packed = [](std::string_view option) {
    return has_letter(option, 'z') || option.ends_with("-compress") ||
           option.starts_with("--compress");
  };
  return std::ranges::any_of(options, sparse) && std::ranges::any_of(options, packed);
}

/// "-@-1" (--modify-window).
bool is_modify_window(std::string_view argument) {
  return argument.starts_with("-@") && argument.size() > 2 &&
         argument.find_first_not_of("0123456789-", 2) == std::string_view::npos;
}

bool is_allowed_option(std::string_view argument) {
  if (argument.size() < 2 || argument[0] != '-') return false;
  if (argument[1] != '-') return is_allowed_cluster(argument) || is_modify_window(argument);
  return is_one_of(kOptions, argument) ||
         std::ranges::any_of(kOptionsWithValue,
                             [&](std::string_view option) { return argument.starts_with(option); });
}

bool climbs(std::string_view path) {
  return std::ranges::any_of(path | std::views::split('/'),
                             [](auto part) { return std::string_view(part) == ".."; });
}

/// The id that a path relative to the module starts with, if the path stays below it.
std::optional<std::string> id_of(std::string_view path) {
  const std::string_view id = path.substr(0, path.find('/'));
  if (!is_upload_id(id) || climbs(path)) return std::nullopt;
  return std::string{id};
}

std::unexpected<Error> refuse_destination() {
  return refuse(
      "The destination must be uploads/upload_ID/, where ID is 1 to 64 letters, digits or "
      "hyphens.");
}

Result<void> check_options(const std::vector<std::string>& options) {
  if (!is_one_of(options, "--server")) return refuse("This is not an upload.");
  for (const auto& option : options) {
    if (option == "--sender") return refuse("Uploads cannot be read back.");
    if (has_letter(option, 'n')) return refuse("A dry run sends nothing. Leave out -n.");
    if (!is_allowed_option(option)) {
      return refuse(fmt::format("The option {} is not allowed here. Use rsync -avz --delete.",
                                to_one_line(option, 60)));
    }
  }
  if (is_sparse_and_packed(options)) return refuse("Leave out -S or -z: not both are allowed.");
  return {};
}

}  // namespace

Result<std::string> uploaded_id(const TransferRequest& request) {
  const auto& arguments = request.arguments;
  const auto dot = std::ranges::find(arguments, ".");
  if (auto allowed = check_options({arguments.begin(), dot}); !allowed) {
    return std::unexpected(allowed.error());
  }
  if (arguments.end() - dot != 2) return refuse_destination();
  if (!request.request.starts_with(kModulePrefix)) return refuse_destination();
  auto id = id_of(std::string_view(request.request).substr(kModulePrefix.size()));
  if (!id || id != id_of(arguments.back())) return refuse_destination();
  return std::move(*id);
}

}  // namespace flashpods::uploads
