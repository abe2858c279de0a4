// flashpods-simulate: see tests/simulation/simulation.h.

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sqlite3.h>

#include "simulation/simulation.h"

namespace {

using flashpods::simulation::Outcome;
using flashpods::simulation::Run;
using flashpods::simulation::simulate;

struct Options {
  std::uint64_t from = 0;
  std::uint64_t seeds = 1000;
  bool print = false;
  unsigned threads = std::thread::hardware_concurrency();
};

constexpr const char* kUsage =
    "usage: flashpods-simulate [--seeds N] [--from K] [--seed S]\n"
    "  --seeds N  so many histories (1000)\n"
    "  --from K   beginning with this seed (0), to go on where a run was ended\n"
    "  --seed S   only this one, with each of its steps\n";

std::optional<std::uint64_t> number(const char* text) {
  std::uint64_t value = 0;
  const auto* const end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, value);
  return read.ec == std::errc{} && read.ptr == end ? std::optional(value) : std::nullopt;
}

std::optional<Options> options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const auto value = i + 1 < argc ? number(argv[i + 1]) : std::nullopt;
    if (!value) return std::nullopt;
    if (name == "--seeds") {
      options.seeds = *value;
    } else if (name == "--from") {
      options.from = *value;
    } else if (name == "--seed") {
      options = {*value, 1, true, 1};
    } else {
      return std::nullopt;
    }
  }
  return options;
}

constexpr std::uint64_t kEnoughFailures = 20;

/// What all threads count.
struct Tally {
  Tally(std::uint64_t from, std::uint64_t seeds) : next(from), end(from + seeds) {}

  std::mutex mutex;
  std::uint64_t next;
  const std::uint64_t end;
  std::set<std::uint64_t> under_way;
  std::uint64_t done = 0;
  std::uint64_t steps = 0;
  std::uint64_t kills = 0;
  std::uint64_t failed = 0;

  /// The next seed, unless it is enough.
  std::optional<std::uint64_t> begin() {
    const std::scoped_lock lock(mutex);
    if (next == end || failed >= kEnoughFailures) return std::nullopt;
    under_way.insert(next);
    return next++;
  }

  void add(std::uint64_t seed, const Outcome& outcome) {
    const std::scoped_lock lock(mutex);
    under_way.erase(seed);
    ++done;
    if (done % 10'000 == 0) tell_progress();
    steps += static_cast<std::uint64_t>(outcome.steps);
    kills += static_cast<std::uint64_t>(outcome.kills);
    if (outcome.violations.empty()) return;
    ++failed;
    std::printf("seed %llu: %s\n  replay: ./dev simulate --seed %llu\n",
                static_cast<unsigned long long>(seed), outcome.violations.front().c_str(),
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);
  }

  /// A run that goes on from here leaves none out.
  void tell_progress() const {
    const auto from = under_way.empty() ? next : *under_way.begin();
    std::printf("%llu seeds, %llu failed; to go on: --from %llu\n",
                static_cast<unsigned long long>(done), static_cast<unsigned long long>(failed),
                static_cast<unsigned long long>(from));
    std::fflush(stdout);
  }
};

constexpr std::uint64_t kPlayedTwice = 100;

/// Each hundredth twice: what a seed finds here, its replay must find again.
Outcome play(const Run& run) {
  auto outcome = simulate(run);
  if (run.print || run.seed % kPlayedTwice != 0) return outcome;
  const auto again = simulate(run);
  if (again.steps != outcome.steps || again.kills != outcome.kills) {
    outcome.violations.emplace_back("the same seed is another history the second time");
  }
  return outcome;
}

void work(Tally& tally, bool print) {
  while (const auto seed = tally.begin()) tally.add(*seed, play({.seed = *seed, .print = print}));
}

}  // namespace

int main(int argc, char** argv) {
  ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // else the threads wait for each other's malloc
  const auto given = options_of(argc, argv);
  if (!given) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const Options options = *given;
  const auto begin = std::chrono::steady_clock::now();
  Tally tally(options.from, options.seeds);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.threads; ++i) {
      threads.emplace_back([&] { work(tally, options.print); });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%llu seeds, %llu steps, %llu crashes, %llu failed, %.1f s\n",
              static_cast<unsigned long long>(tally.done),
              static_cast<unsigned long long>(tally.steps),
              static_cast<unsigned long long>(tally.kills),
              static_cast<unsigned long long>(tally.failed), took.count());
  return tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
