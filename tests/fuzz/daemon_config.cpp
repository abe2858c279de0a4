// flashpods.toml: what is accepted can be printed and read again, what is refused changes nothing.

#include "base/settings.h"
#include "base/text.h"
#include "daemon/config.h"
#include "fuzz/target.h"

namespace flashpods {
namespace {

using fuzz::require;

/// Every setting of `config` at its value, as a file in which nothing is commented out.
std::string print(daemon::Config& config) {
  Settings settings;
  daemon::declare(settings, config);
  std::string text;
  const auto file = settings.print_defaults();
  for (std::string_view rest = file; !rest.empty();) {
    auto line = fuzz::take_line(rest);
    const bool is_comment = line.starts_with("# ");
    if (!is_comment && line.starts_with('#')) line.remove_prefix(1);
    text += std::string{line} + '\n';
  }
  return text;
}

Result<void> load(daemon::Config& config, std::string_view text) {
  Settings settings;
  daemon::declare(settings, config);
  return settings.load_text(text, "test.toml");
}

void check_refusal(std::string_view message) {
  require(!message.empty(), "a refusal says why");
  while (!message.empty()) {
    const auto line = fuzz::take_line(message);
    require(line.starts_with("test.toml:"), "each line of a refusal names the place");
    require(to_one_line(line, line.size()) == line, "and shows no controls");
  }
}

FUZZ_TARGET(daemon_config) {
  daemon::Config config;
  const auto before = print(config);
  if (const auto loaded = load(config, input); !loaded) {
    require(print(config) == before, "a refused file changes nothing");
    return check_refusal(loaded.error().message);
  }
  require(config.jobs.worker.caps.cpus >= 1 && config.jobs.agent.caps.memory_gb >= 1,
          "limits are in range");
  require(config.uploads.max_upload_bytes >= 1024 * 1024, "sizes are in range");
  require(config.http.connections >= 1, "the server can be reached");
  const auto after = print(config);
  daemon::Config again;
  require(load(again, after).has_value(), "a printed configuration is accepted");
  require(print(again) == after, "and is the same");
}

}  // namespace
}  // namespace flashpods
