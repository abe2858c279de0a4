#include "store/store.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "store/connection.h"
#include "store/migrations.h"

namespace flashpods {

namespace asio = boost::asio;

namespace {

using Done = std::move_only_function<void(std::exception_ptr)>;

struct Request {
  std::function<bool(Transaction&)> work;
  Done done;
};

/// Runs one piece of work in a savepoint. False if SQLite threw the whole transaction away.
bool run_in_savepoint(Connection& connection, Request& request, std::exception_ptr& failure) {
  connection.execute("SAVEPOINT request");
  bool keep = false;
  try {
    keep = request.work(connection);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!connection.in_transaction()) return false;
  if (!keep) connection.execute("ROLLBACK TO request");
  connection.execute("RELEASE request");
  return true;
}

/// Group commit: every request of the batch in one transaction, each in its own savepoint. What one
/// throws is its own; what makes the commit impossible is everybody's.
std::vector<std::exception_ptr> commit_together(Connection& connection,
                                                std::vector<Request>& batch) {
  std::vector<std::exception_ptr> failures(batch.size());
  std::exception_ptr common;
  try {
    connection.execute("BEGIN");
    for (std::size_t i = 0; i < batch.size() && !common; ++i) {
      if (!run_in_savepoint(connection, batch[i], failures[i])) common = failures[i];
    }
    if (!common) connection.execute("COMMIT");
  } catch (...) {
    common = std::current_exception();
    if (connection.in_transaction()) connection.execute("ROLLBACK");
  }
  if (common) std::ranges::fill(failures, common);
  return failures;
}

/// One request on a consistent view.
void read_alone(Connection& connection, Request& request) {
  std::exception_ptr failure;
  try {
    connection.execute("BEGIN");
    request.work(connection);
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    if (connection.in_transaction()) connection.execute("ROLLBACK");  // there is nothing to commit
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  request.done(failure);
}

/// A thread that handles requests in the order in which they come: all that are waiting at a time.
class Worker {
 public:
  using Handle = std::function<void(std::vector<Request>&)>;

  explicit Worker(Handle handle)
      : handle_(std::move(handle)), thread_([this] { work_until_closed(); }) {}

  void submit(Request request) {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(request));
    wake_.notify_one();
  }

  /// Returns when the queue has run dry.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
      wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void work_until_closed() {
    for (;;) {
      std::vector<Request> batch = next_batch();
      if (batch.empty()) return;
      handle_(batch);
    }
  }

  /// Everything that queued meanwhile, at most kBatch; empty once closed and dry.
  std::vector<Request> next_batch() {
    constexpr std::size_t kBatch = 64;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    std::vector<Request> batch;
    while (!queue_.empty() && batch.size() < kBatch) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return batch;
  }

  Handle handle_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> queue_;
  bool closed_ = false;
  std::jthread thread_;
};

}  // namespace

struct SqliteStore::Impl {
  Impl(std::unique_ptr<Connection> c, std::unique_ptr<Connection> r, EventHub& e)
      : connection(std::move(c)), reading(std::move(r)), events(e), last_event(newest_event()) {
    if (!reading) return;
    writer.emplace([this](std::vector<Request>& batch) { commit(batch); });
    reader.emplace([this](std::vector<Request>& batch) {
      for (Request& request : batch) read_alone(*reading, request);
    });
  }

  void write(Request request) {
    if (writer) return writer->submit(std::move(request));
    std::vector<Request> one;
    one.push_back(std::move(request));
    commit(one);
  }

  void read(Request request) {
    if (reader) return reader->submit(std::move(request));
    write(std::move(request));
  }

  void commit(std::vector<Request>& batch) {
    const auto failures = commit_together(*connection, batch);
    publish_events();
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(failures[i]);
  }

  std::int64_t newest_event() {
    return connection->row("SELECT coalesce(max(seq), 0) AS seq FROM events")->integer("seq");
  }

  /// What cannot be read now is published with the next commit.
  void publish_events() {
    try {
      const auto rows = connection->rows(
          "SELECT seq, coalesce(job_id, upload_id, '') AS subject FROM events WHERE seq > ?1"
          " ORDER BY seq",
          {to_value(last_event)});
      for (const Row& row : rows) events.publish(row.text("subject"));
      if (!rows.empty()) last_event = rows.back().integer("seq");
    } catch (const StoreError&) {
      return;
    }
  }

  void close() {
    if (reader) reader->close();
    if (writer) writer->close();
  }

  std::unique_ptr<Connection> connection;
  std::unique_ptr<Connection> reading;  ///< none where bodies run on the caller's thread
  EventHub& events;
  std::int64_t last_event;  ///< that was published
  std::optional<Worker> writer;
  std::optional<Worker> reader;
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file,
                                                       Threading threading) {
  try {
    auto connection = std::make_unique<Connection>(file);
    if (auto migrated = migrate(*connection, file); !migrated) {
      return std::unexpected(migrated.error());
    }
    std::unique_ptr<Connection> reading;
    if (threading == Threading::kOwnThread) {
      reading = std::make_unique<Connection>(file, Connection::Use::kReadOnly);
    }
    std::unique_ptr<SqliteStore> store(new SqliteStore);
    store->impl_ =
        std::make_unique<Impl>(std::move(connection), std::move(reading), store->events());
    return store;
  } catch (const StoreError& e) {
    return fail(
        e.disk_full() ? ErrorKind::kInsufficientStorage : ErrorKind::kInternal, "database_unusable",
        fmt::format("cannot open the database {}: {}. Check that the directory is writable, "
                    "the disk is not full and the file is a database; or restore a backup of it",
                    file.string(), e.what()));
  }
}

SqliteStore::SqliteStore() = default;

SqliteStore::~SqliteStore() { close(); }

void SqliteStore::close() {
  if (impl_) impl_->close();
}

/// Resumes the caller on its own executor.
Awaitable<void> SqliteStore::submit(Work work, Access access) {
  auto initiate = [this, access](auto handler, Work body) {
    const auto executor = asio::get_associated_executor(handler);
    // The guard keeps the loop alive while only a thread of ours has something to do.
    Done done = [handler = std::move(handler),
                 guard = asio::make_work_guard(executor)](std::exception_ptr error) mutable {
      const auto target = guard.get_executor();
      asio::post(target,
                 [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
    };
    Request request{std::move(body), std::move(done)};
    if (access == Access::kRead) return impl_->read(std::move(request));
    impl_->write(std::move(request));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      std::move(initiate), asio::use_awaitable, std::move(work));
}

Awaitable<void> SqliteStore::execute(Work work) { return submit(std::move(work), Access::kWrite); }

Awaitable<void> SqliteStore::execute_read(Work work) {
  return submit(std::move(work), Access::kRead);
}

}  // namespace flashpods
