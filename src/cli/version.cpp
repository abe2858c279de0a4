// flashpods version: ours, and the server's if there is one.

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/json_fields.h"
#include "cli/server.h"
#include "cli/session.h"
#include "cli/verb.h"

namespace flashpods::cli {
namespace {

class Version final : public Verb {
 public:
  std::vector<Parameter> parameters() override { return {}; }

  Awaitable<int> execute(Session& session) override {
    auto versions = nlohmann::json::object();
    versions["client"] = FLASHPODS_VERSION;
    versions["server"] = nullptr;
    auto api = co_await connect(session);
    if (api) {
      const auto health = co_await (*api)->health();
      if (health) versions["server"] = text_at(*health, "version");
    }
    show(session, versions);
    co_return 0;
  }

 private:
  static void show(Session& session, const nlohmann::json& versions) {
    if (session.json) return session.console.json(versions);
    session.console.line("flashpods " + text_at(versions, "client"));
    const auto server = text_at(versions, "server");
    session.console.line("server " + (server.empty() ? "not reachable" : to_one_line(server)));
  }
};

}  // namespace

extern const VerbEntry kVersionVerb;
constinit const VerbEntry kVersionVerb{.name = "version",
                                       .group = "More",
                                       .summary = "show the client's and the server's version",
                                       .details = {},
                                       .make = make_verb<Version>};

}  // namespace flashpods::cli
