#pragma once
// Which names a client may choose. Pure rules: nothing if the value is fine, else why not.

#include <optional>
#include <string>
#include <string_view>

namespace flashpods::jobs {

using Objection = std::optional<std::string>;

/// client_job_id: 1 to 128 printable ASCII characters without space; not of the form of a job id.
[[nodiscard]] Objection object_to_client_job_id(std::string_view value);

/// A git branch by the rules of git-check-ref-format(1), and never like an option.
[[nodiscard]] Objection object_to_branch(std::string_view value);

/// A variable's name: [A-Za-z_][A-Za-z0-9_]{0,127}; ours (FLASHPODS_*), the loader's (LD_*) and the
/// container tools' own are refused.
[[nodiscard]] Objection object_to_env_name(std::string_view value);

/// A job's name or a label's key and value: 1 to 100 bytes of one printable line.
[[nodiscard]] Objection object_to_label(std::string_view value);

}  // namespace flashpods::jobs
