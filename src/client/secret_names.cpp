#include <algorithm>
#include <array>

#include "client/upload_plan.h"

namespace flashpods::client {

namespace {

constexpr std::array<std::string_view, 17> kNames{
    ".npmrc",     ".netrc",           ".pypirc",          ".pgpass",      ".htpasswd",   ".my.cnf",
    ".dockercfg", ".git-credentials", "credentials.json", "secrets.json", "id_rsa",      "id_dsa",
    "id_ecdsa",   "id_ed25519",       "id_ecdsa_sk",      "secrets.yml",  "secrets.yaml"};

constexpr std::array<std::string_view, 8> kEndings{".pem", ".key",      ".p12", ".pfx",
                                                   ".jks", ".keystore", ".ppk", ".kdbx"};

constexpr std::array<std::string_view, 6> kDirectories{".aws",    ".ssh",  ".gnupg",
                                                       ".gcloud", ".kube", ".azure"};

constexpr std::array<std::string_view, 4> kHarmless{".example", ".sample", ".template", ".dist"};

bool is_env_file(std::string_view name) {
  if (name != ".env" && !name.starts_with(".env.") && name != ".envrc") return false;
  return std::ranges::none_of(kHarmless, [&](auto end) { return name.ends_with(end); });
}

bool is_in_secret_directory(std::string_view relative) {
  for (auto rest = relative;;) {
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) return false;
    const auto name = rest.substr(0, slash);
    if (std::ranges::find(kDirectories, name) != kDirectories.end()) return true;
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

bool looks_secret(std::string_view relative) {
  const auto name = relative.substr(relative.rfind('/') + 1);
  if (is_env_file(name) || std::ranges::find(kNames, name) != kNames.end()) return true;
  if (std::ranges::any_of(kEndings, [&](auto end) { return name.ends_with(end); })) return true;
  return relative.ends_with(".docker/config.json") || is_in_secret_directory(relative);
}

}  // namespace flashpods::client
