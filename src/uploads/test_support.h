#pragma once
// What the tests of this folder share.

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "async/blocking_pool.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/temporary_directory.h"
#include "store/store.h"
#include "telemetry/log.h"
#include "uploads/repository.h"
#include "uploads/stored_upload_files.h"
#include "uploads/uploads.h"

namespace flashpods::uploads {

inline void put(const std::filesystem::path& file, const std::string& text = "x") {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

inline std::string contents(const std::filesystem::path& file) {
  return read_file(file, 64 << 20).value_or("(unreadable)");
}

/// Runs a coroutine on `context` to its end, from the thread that runs nothing else.
template <class T>
T finish(boost::asio::io_context& context, Awaitable<T> task) {
  auto result = boost::asio::co_spawn(context, std::move(task), boost::asio::use_future);
  context.restart();
  context.run();
  return result.get();
}

/// Uploads over a real store and real directories, with a clock that stands still.
struct UploadsWorld {
  template <class Body>
  auto transact(Body body) {
    return finish(context, store->transact(std::move(body)));
  }

  explicit UploadsWorld(Limits limits_ = {}) : limits(limits_) {
    auto opened = SqliteStore::open(state.path() / "db", SqliteStore::Threading::kInline);
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
    restart();
    // Jobs that tests reserve uploads for.
    transact([](Transaction& tx) {
      for (const char* id : {"job_1", "job_2"}) {
        tx.run(
            "INSERT INTO jobs (id, job_type, status, image, created_at) VALUES (?1, 'worker', "
            "'pending', 'i', '2026-01-01T00:00:00.000Z')",
            {to_value(id)});
      }
    });
  }

  /// As after a crash: memory is gone, rows and directories are not.
  void restart() {
    uploads.reset();
    files = std::make_unique<StoredUploadFiles>(
        Paths::below(state.path()),
        measured_usage({state.path() / "uploads", state.path() / "sealed"}), pool);
    uploads = std::make_unique<Uploads>(Surroundings{*store, clock, timer, log}, *files, limits);
    const auto recovered = finish(context, uploads->recover());
    if (!recovered) throw std::runtime_error(recovered.error().message);
  }

  /// An upload as rsync leaves it, which ended `well` or not.
  void receive(const std::string& id, const std::string& file = "src/main.c", bool well = true) {
    transact([&](Transaction& tx) {
      const auto begun = begin(tx, id, "127.0.0.1", clock.now(), limits);
      if (begun) end_receiving(tx, id, well, clock.now(), limits);
    });
    put(received(id) / file);
  }

  [[nodiscard]] std::filesystem::path received(const std::string& id) const {
    return state.path() / "uploads" / id;
  }
  [[nodiscard]] std::filesystem::path sealed(const std::string& id) const {
    return state.path() / "sealed" / id;
  }
  State state_of(const std::string& id) {
    return transact([&](Transaction& tx) { return find(tx, id); }).value().state;
  }

  TemporaryDirectory state;
  Limits limits;
  boost::asio::io_context context;
  BlockingPool pool{1};
  FakeClock clock;
  SystemTimer timer;
  Log log{clock, -1, LogLevel::kError};
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<StoredUploadFiles> files;
  std::unique_ptr<Uploads> uploads;
};

}  // namespace flashpods::uploads
