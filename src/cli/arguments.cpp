#include "cli/arguments.h"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace flashpods::cli {
namespace {

struct Declare {
  CLI::App& app;
  const std::string& names;

  CLI::Option* operator()(bool* target) const { return app.add_flag(names, *target); }
  CLI::Option* operator()(std::string* target) const { return app.add_option(names, *target); }
  CLI::Option* operator()(std::optional<std::int64_t>* target) const {
    return app.add_option(names, *target);
  }
  // One value each time, or `--exclude A JOB` would swallow the job.
  CLI::Option* operator()(std::vector<std::string>* target) const {
    auto* option = app.add_option(names, *target);
    return names.starts_with('-') ? option->allow_extra_args(false) : option;
  }
};

void declare(CLI::App& app, const Parameter& parameter) {
  auto* option = std::visit(Declare{app, parameter.names}, parameter.target);
  if (parameter.required) option->required();
  if (!parameter.choices.empty()) option->check(CLI::IsMember(parameter.choices));
}

}  // namespace

Result<void> parse_arguments(const std::vector<Parameter>& parameters,
                             std::vector<std::string> arguments) {
  CLI::App app;
  app.set_help_flag();
  for (const auto& parameter : parameters) declare(app, parameter);
  std::ranges::reverse(arguments);  // the library takes them from the back
  try {
    app.parse(std::move(arguments));
    return {};
  } catch (const CLI::ParseError& error) {
    return fail(ErrorKind::kInvalid, "usage", error.what());
  }
}

}  // namespace flashpods::cli
