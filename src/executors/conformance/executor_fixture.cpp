#include <algorithm>
#include <fstream>
#include <sstream>

#include <boost/asio/co_spawn.hpp>

#include "base/files.h"
#include "executors/conformance/executor_suite.h"

namespace flashpods::executors {

using namespace std::chrono_literals;

void PrintTo(const ExecutorUnderTest& executor, std::ostream* out) { *out << executor.name; }

Daemon::Daemon(const ExecutorUnderTest& kind, std::string instance)
    : tasks_(io_.get_executor(), [](const std::string& task, const std::string& what) {
        ADD_FAILURE() << task << ": " << what;
      }) {
  executor_ =
      kind.make({io_.get_executor(), *runner_, pool_, timer_, tasks_, log_, std::move(instance)});
}

Daemon::~Daemon() {
  run(tasks_.close());
  pool_.join();
}

void Daemon::turn_until(const bool& done) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  io_.restart();
  while (!done && std::chrono::steady_clock::now() < until) io_.run_one_for(1s);
}

void ExecutorSuite::SetUp() {
  if (const auto reason = GetParam().unusable()) GTEST_SKIP() << *reason;
  std::string name = "/tmp/flashpods-conformance-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  directory_ = name;
  instance_ = "test-" + random_hex(random_, 6);
  restart_daemon();
}

void ExecutorSuite::TearDown() {
  if (!daemon_) return;
  for (const auto& spec : specs_) {
    daemon_->run(daemon_->executor().stop(spec.job_id));
    const auto removed = daemon_->run(daemon_->executor().remove(spec.job_id));
    EXPECT_TRUE(removed) << removed.error().message;
  }
  EXPECT_EQ(containers(), 0U);
  daemon_.reset();
  EXPECT_TRUE(remove_tree(directory_));
}

void ExecutorSuite::restart_daemon() {
  daemon_.reset();
  daemon_ = std::make_unique<Daemon>(GetParam(), instance_);
}

jobs::ContainerSpec ExecutorSuite::worker(std::string command) {
  jobs::ContainerSpec spec;
  spec.job_id = make_job_id(random_);
  spec.instance = instance_;
  spec.image = GetParam().image;
  spec.command = std::move(command);
  spec.network = jobs::Network::kNone;
  spec.cpus = 1;
  spec.memory_gb = 1;
  spec.directory = directory_ / spec.job_id;
  spec.log_file = directory_ / (spec.job_id + ".log");
  spec.max_log_bytes = 50'000'000;
  spec.run_limit = 60s;
  spec.grace = 1s;
  EXPECT_TRUE(make_directories(spec.directory / "work"));
  EXPECT_TRUE(make_directories(spec.directory / "artifacts"));
  specs_.push_back(spec);
  return spec;
}

void ExecutorSuite::launch(const jobs::ContainerSpec& spec) {
  const auto launched = daemon_->run(daemon_->executor().launch(spec));
  ASSERT_TRUE(launched) << launched.error().message;
}

jobs::Exited ExecutorSuite::wait(const jobs::ContainerSpec& spec) {
  auto exited = daemon_->run(daemon_->executor().wait_exited(spec.job_id));
  daemon_->run(daemon_->executor().wait_removed(spec.job_id));
  return exited;
}

jobs::Exited ExecutorSuite::run(const jobs::ContainerSpec& spec) {
  launch(spec);
  return wait(spec);
}

jobs::Exited ExecutorSuite::run_and_stop(const jobs::ContainerSpec& spec, const std::string& text) {
  launch(spec);
  wait_for_output(spec, text);
  daemon_->run(daemon_->executor().stop(spec.job_id));
  return wait(spec);
}

std::string ExecutorSuite::log_of(const jobs::ContainerSpec& spec) {
  return read_file(spec.log_file, 100'000'000).value_or("");
}

namespace {

Awaitable<void> await_text(Timer& timer, std::filesystem::path file, std::string text) {
  while (!read_file(file, 100'000'000).value_or("").contains(text)) co_await timer.sleep_for(5ms);
}

}  // namespace

void ExecutorSuite::wait_for_output(const jobs::ContainerSpec& spec, const std::string& text) {
  SystemTimer timer;
  daemon_->run(await_text(timer, spec.log_file, text));
}

std::size_t ExecutorSuite::containers() {
  const auto list = daemon_->run(daemon_->executor().list());
  EXPECT_TRUE(list) << list.error().message;
  if (!list) return 999;
  return static_cast<std::size_t>(std::ranges::count_if(*list, [this](const auto& observed) {
    return !observed.container_id.empty() ||
           std::ranges::find(specs_, observed.job_id, &jobs::ContainerSpec::job_id) != specs_.end();
  }));
}

}  // namespace flashpods::executors
