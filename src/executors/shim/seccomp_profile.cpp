#include "executors/shim/seccomp_profile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <linux/netlink.h>
#include <optional>
#include <sched.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <nlohmann/json.hpp>

namespace flashpods::shim {

namespace {

using nlohmann::json;
using Name = std::string_view;

constexpr Name kErrno = "SCMP_ACT_ERRNO";
constexpr Name kEqual = "SCMP_CMP_EQ";
constexpr Name kGreater = "SCMP_CMP_GT";
/// (argument & value) == valueTwo
constexpr Name kMaskedEqual = "SCMP_CMP_MASKED_EQ";

/// Refused with EPERM.
constexpr std::array kForbidden = std::to_array<Name>({
    // Keyrings: a user may have 200 of them, those of all containers included (keyrings(7)).
    "add_key",
    "keyctl",
    "request_key",
    // Namespaces and mounts.
    "setns",
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "open_tree_attr",
    "mount_setattr",
    "open_by_handle_at",
    // Placement of memory on the host's nodes.
    "mbind",
    "get_mempolicy",
    "set_mempolicy",
    "set_mempolicy_home_node",
    "migrate_pages",
    "move_pages",
    // The kernel: programs and modules in it, its log, its events, its clock, its other services.
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "fanotify_init",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "query_module",
    "get_kernel_syms",
    "kexec_load",
    "kexec_file_load",
    "lookup_dcookie",
    "syslog",
    "reboot",
    "acct",
    "quotactl",
    "quotactl_fd",
    "swapon",
    "swapoff",
    "nfsservctl",
    "vhangup",
    "iopl",
    "ioperm",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
});

/// Refused with ENOSYS.
constexpr std::array kAbsent = std::to_array<Name>({
    "clone3",
    // Contexts of asynchronous I/O: fs.aio-max-nr bounds those of the whole host.
    "io_setup",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "socketcall",
});

constexpr std::array<Name, 2> kSocketCalls{"socket", "socketpair"};
constexpr std::array<Name, 2> kCloneCalls{"clone", "unshare"};
constexpr std::uint64_t kNewTime = 0x80;  ///< CLONE_NEWTIME, which older headers lack
/// In clone(2) the bit of CLONE_NEWTIME belongs to the exit signal.
constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

bool contains(const auto& list, const auto& value) {
  return std::ranges::find(list, value) != std::ranges::end(list);
}

json condition(unsigned index, Name op, std::uint64_t value, std::uint64_t value_two = 0) {
  json made{{"index", index}, {"op", op}, {"value", value}};
  if (op == kMaskedEqual) made["valueTwo"] = value_two;
  return made;
}

json family(Name op, std::uint64_t value) { return condition(0, op, value); }

std::uint64_t namespace_flags(Name call) {
  return call == "unshare" ? kNewNamespaces | kNewTime : kNewNamespaces;
}

/// The conditions under which a call stays allowed, each a list of arguments that all must hold;
/// empty: the call has no gate.
std::vector<json::array_t> gate(Name call) {
  if (contains(kCloneCalls, call)) {
    return {{condition(0, kMaskedEqual, namespace_flags(call), 0)}};
  }
  if (!contains(kSocketCalls, call)) return {};
  return {{family(kEqual, AF_UNIX)},
          {family(kEqual, AF_INET)},
          {family(kEqual, AF_INET6)},
          {family(kEqual, AF_NETLINK), condition(2, kEqual, NETLINK_ROUTE)}};
}

std::optional<std::uint64_t> number(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

/// Whether `argument` meets a condition of the profile; an operator that we do not know is not met.
bool is_met(const json& condition, std::uint64_t argument) {
  const auto value = number(condition, "value");
  const auto op = condition.value("op", json());
  if (!value) return false;
  if (op == kEqual) return argument == *value;
  if (op == kGreater) return argument > *value;
  if (op == "SCMP_CMP_NE") return argument != *value;
  if (op == "SCMP_CMP_LT") return argument < *value;
  if (op == "SCMP_CMP_LE") return argument <= *value;
  if (op == "SCMP_CMP_GE") return argument >= *value;
  return op == kMaskedEqual && (argument & *value) == number(condition, "valueTwo").value_or(0);
}

/// The arguments of a rule that allows what both the profile's rule and the gate allow; nothing if
/// that cannot be told. A rule must not name an argument twice: runc then takes either condition.
std::optional<json> both(const json& rule_arguments, const json::array_t& gate_arguments) {
  json joined = gate_arguments;
  if (rule_arguments.is_null()) return joined;
  if (!rule_arguments.is_array()) return std::nullopt;
  for (const auto& theirs : rule_arguments) {
    const auto index = theirs.is_object() ? number(theirs, "index") : std::nullopt;
    if (!index) return std::nullopt;
    const auto same = [&index](const json& each) { return number(each, "index") == index; };
    const auto ours = std::ranges::find_if(joined, same);
    if (ours == joined.end()) {
      joined.push_back(theirs);
    } else if (ours->at("op") != kEqual || !is_met(theirs, ours->at("value"))) {
      return std::nullopt;
    }
  }
  return joined;
}

void add_once(json::array_t& rules, json rule) {
  if (!contains(rules, rule)) rules.push_back(std::move(rule));
}

/// The names of a rule that the predicate picks; the rule loses them.
template <class Predicate>
std::vector<std::string> take_names(json& rule, Predicate picks) {
  std::vector<std::string> taken;
  if (!rule.is_object() || !rule.contains("names") || !rule["names"].is_array()) return taken;
  std::erase_if(rule["names"].get_ref<json::array_t&>(), [&](const json& name) {
    if (!name.is_string() || !picks(name.get_ref<const std::string&>())) return false;
    taken.push_back(name.get<std::string>());
    return true;
  });
  return taken;
}

bool refuses(const json& rule) {
  const auto action = rule.is_object() ? rule.value("action", json()) : json();
  return action.is_string() && (action == kErrno || action == "SCMP_ACT_TRAP" ||
                                action.get_ref<const std::string&>().starts_with("SCMP_ACT_KILL"));
}

/// Whatever allows a gated call allows it through the gate only.
void pass_through_gates(json::array_t& rules) {
  json::array_t narrowed;
  for (auto& rule : rules) {
    if (refuses(rule)) continue;
    for (const auto& call : take_names(rule, [](Name name) { return !gate(name).empty(); })) {
      for (const auto& allowed : gate(call)) {
        auto arguments = both(rule.value("args", json()), allowed);
        if (!arguments) continue;
        auto narrow = rule;
        narrow["names"] = json::array({call});
        narrow["args"] = std::move(*arguments);
        add_once(narrowed, std::move(narrow));
      }
    }
  }
  std::ranges::move(narrowed, std::back_inserter(rules));
}

void refuse(json::array_t& rules, std::span<const Name> names, int error,
            json::array_t arguments = {}) {
  json rule{{"names", names}, {"action", kErrno}, {"errnoRet", error}};
  if (!arguments.empty()) rule["args"] = std::move(arguments);
  rules.push_back(std::move(rule));
}

/// What the gate of the socket calls keeps out, with the errno of a kernel that lacks it.
void refuse_families(json::array_t& rules) {
  for (unsigned each = 0; each < AF_NETLINK; ++each) {
    if (each == AF_UNIX || each == AF_INET || each == AF_INET6) continue;
    refuse(rules, kSocketCalls, EAFNOSUPPORT, {family(kEqual, each)});
  }
  refuse(rules, kSocketCalls, EAFNOSUPPORT, {family(kGreater, AF_NETLINK)});
  refuse(rules, kSocketCalls, EPROTONOSUPPORT,
         {family(kEqual, AF_NETLINK), condition(2, kGreater, NETLINK_ROUTE)});
}

/// One rule a flag: no operator says "any of these bits".
void refuse_namespaces(json::array_t& rules) {
  for (const auto& call : kCloneCalls) {
    for (std::uint64_t flag = 1; flag != 0; flag <<= 1) {
      if ((namespace_flags(call) & flag) == 0) continue;
      refuse(rules, std::span(&call, 1), EPERM, {condition(0, kMaskedEqual, flag, flag)});
    }
  }
}

/// On i386 socketcall(2) hides the family in memory that a filter cannot read. libseccomp adds
/// rules for it beside every rule for socket(2), and they contradict each other where ours look at
/// the family. Without the architecture a program that makes an i386 call is killed (SIGSYS).
void remove_i386(json& architectures) {
  if (!architectures.is_array()) return;
  std::erase(architectures.get_ref<json::array_t&>(), "SCMP_ARCH_X86");
}

bool is_refused(Name name) { return contains(kForbidden, name) || contains(kAbsent, name); }

}  // namespace

void tighten_seccomp(json& profile) {
  if (!profile.is_object() || !profile.contains("syscalls")) return;
  if (!profile["syscalls"].is_array()) return;
  if (profile.contains("architectures")) remove_i386(profile["architectures"]);
  auto& rules = profile["syscalls"].get_ref<json::array_t&>();
  for (auto& rule : rules) take_names(rule, is_refused);
  pass_through_gates(rules);
  std::erase_if(rules, [](const json& rule) {
    return rule.is_object() && rule.contains("names") && rule["names"].empty();
  });
  refuse(rules, kForbidden, EPERM);
  refuse(rules, kAbsent, ENOSYS);
  refuse_families(rules);
  refuse_namespaces(rules);
}

}  // namespace flashpods::shim
