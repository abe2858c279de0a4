// flashpods image: the images of this machine's Podman.

#include <filesystem>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/image_list.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "process/child.h"

namespace flashpods::cli {
namespace {

constexpr std::string_view kDetails = R"(
  build NAME   make localhost/flashpods/NAME:latest from the recipe that comes with Flashpods,
               without any registry: worker (Debian with compilers), rust, busybox, …
  list         the images that a job can name
  login [REGISTRY] [-- OPTIONS…]
               log this user's Podman in to a registry (podman login)

Run it as the user that runs the server: each user of rootless Podman has images of its own.

Examples:
  flashpods image build worker
  flashpods image list --json
  flashpods image login registry.example.com -- --username me
)";

constexpr Milliseconds kListLimit{60'000};
constexpr std::size_t kLargestList = std::size_t{16} * 1024 * 1024;
constexpr std::string_view kRecipeEnding = ".image";

// Beside an installed program, or in the checkout that out/bin belongs to.
Result<std::filesystem::path> recipe_directory(const std::string& executable) {
  const auto bin = std::filesystem::path{executable}.parent_path();
  for (const char* place : {"../share/flashpods/images", "../../deploy/images"}) {
    auto directory = (bin / place).lexically_normal();
    if (::access((directory / "build.sh").c_str(), X_OK) == 0) return directory;
  }
  return fail(ErrorKind::kNotFound, "recipes_not_found",
              "the image recipes are neither in " +
                  (bin / "../share/flashpods/images").lexically_normal().string() +
                  " nor in a checkout around this program");
}

std::string recipe_names(const std::filesystem::path& directory) {
  std::string names;
  for (const auto& file : list_directory(directory).value_or(std::vector<std::string>{})) {
    if (!file.ends_with(kRecipeEnding)) continue;
    names += (names.empty() ? "" : ", ") + file.substr(0, file.size() - kRecipeEnding.size());
  }
  return names;
}

// The tool talks to the person itself; it shares our terminal and our Ctrl-C.
Awaitable<Result<int>> run_in_terminal(Session& session, std::vector<std::string> argv,
                                       int standard_output) {
  ChildOptions options;
  options.argv = std::move(argv);
  options.env = session.environment;
  options.working_directory = std::filesystem::current_path().string();
  options.descriptors = {{STDIN_FILENO, STDIN_FILENO},
                         {standard_output, STDOUT_FILENO},
                         {STDERR_FILENO, STDERR_FILENO}};
  auto child = start_child(options);
  if (!child) co_return std::unexpected(child.error());
  const auto end = co_await wait_child(std::move(*child));
  co_return end.signal != 0 ? 128 + end.signal : end.code;
}

std::string age_of(const UsableImage& image, Time now) {
  const auto seconds = std::chrono::floor<Seconds>(now.time_since_epoch()).count() - image.created;
  return seconds < 0 ? "" : to_human_duration(Seconds{seconds}) + " ago";
}

class Image final : public Verb {
 public:
  std::vector<Parameter> parameters() override {
    return {{"ACTION", &action_, "", "what to do", {"build", "list", "login"}, true},
            {"NAME", &name_, "", "recipe to build, or registry to log in to"}};
  }

  Awaitable<int> execute(Session& session) override {
    if (action_ == "build") co_return co_await build(session);
    if (action_ == "login") co_return co_await login(session);
    co_return co_await list(session);
  }

 private:
  Awaitable<int> build(Session& session) {
    const auto directory = recipe_directory(session.executable);
    if (!directory) co_return session.fail(directory.error());
    std::error_code ignored;
    const bool sound = !name_.empty() && !name_.contains('/');
    if (!sound || !std::filesystem::exists(*directory / (name_ + ".image"), ignored)) {
      co_return session.fail({ErrorKind::kInvalid, "usage",
                              "which image? There are recipes for " + recipe_names(*directory)});
    }
    std::vector<std::string> argv{(*directory / "build.sh").string(), name_};
    const auto built = co_await run_in_terminal(session, std::move(argv), STDERR_FILENO);
    if (!built) co_return session.fail(built.error());
    if (*built != 0) {
      co_return session.fail({ErrorKind::kInternal, "build_failed",
                              "the image was not built; its last lines above say why"});
    }
    show_built(session, "localhost/flashpods/" + name_ + ":latest");
    co_return 0;
  }

  static void show_built(Session& session, const std::string& image) {
    if (!session.json) return session.console.line(image);
    auto result = nlohmann::json::object();
    result["image"] = image;
    session.console.json(result);
  }

  Awaitable<int> login(Session& session) {
    std::vector<std::string> argv{"podman", "login"};
    argv.insert(argv.end(), session.tail.begin(), session.tail.end());
    if (!name_.empty()) argv.insert(argv.end(), {"--", name_});
    const auto code = co_await run_in_terminal(session, std::move(argv), STDOUT_FILENO);
    if (!code) co_return session.fail(code.error());
    co_return *code;
  }

  static Awaitable<Result<nlohmann::json>> podman_images(Session& session) {
    Command command;
    command.argv = {"podman", "images", "--format", "json"};
    command.env = session.environment;
    command.timeout = kListLimit;
    command.max_output = kLargestList;
    auto result = co_await session.commands.run(std::move(command));
    if (!result) co_return std::unexpected(result.error());
    if (!result->ok()) {
      co_return fail(ErrorKind::kUnavailable, "podman_failed",
                     "podman images failed: " + to_one_line(result->err, 400) +
                         "; `flashpods doctor` may know more");
    }
    co_return parse_json(result->out);
  }

  static Awaitable<int> list(Session& session) {
    auto listed = co_await podman_images(session);
    if (!listed) co_return session.fail(listed.error());
    show(session, usable_images(*listed));
    co_return 0;
  }

  static void show(Session& session, const std::vector<UsableImage>& images) {
    auto json = nlohmann::json::array();
    Table table{{"IMAGE", "SIZE", "CREATED"}};
    for (const auto& image : images) {
      auto& entry = json.emplace_back(nlohmann::json::object());
      entry["name"] = image.name;
      entry["id"] = image.id;
      entry["size_bytes"] = image.bytes;
      entry["created_at"] = to_rfc3339(Time{Seconds{image.created}});
      table.add({image.name, to_human_size(image.bytes), age_of(image, session.clock.now())});
    }
    if (session.json) return session.console.json(json);
    session.console.print(table.render(session.console.out().colour));
    if (images.empty()) session.console.note("no images; `flashpods image build worker` makes one");
  }

  std::string action_;
  std::string name_;
};

}  // namespace

extern const VerbEntry kImageVerb;
constinit const VerbEntry kImageVerb{.name = "image",
                                     .group = "This machine",
                                     .summary = "build and list container images",
                                     .details = kDetails,
                                     .make = make_verb<Image>,
                                     .tail = "[-- OPTIONS…]"};

}  // namespace flashpods::cli
