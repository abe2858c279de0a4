#include "store/store.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

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
void commit_together(Connection& connection, std::vector<Request>& batch) {
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
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(common ? common : failures[i]);
}

}  // namespace

struct SqliteStore::Impl {
  Impl(std::unique_ptr<Connection> c, Threading t) : connection(std::move(c)), threading(t) {
    if (threading == Threading::kOwnThread) writer = std::jthread([this] { write_until_closed(); });
  }

  void submit(Request request) {
    if (threading == Threading::kInline) {
      std::vector<Request> one;
      one.push_back(std::move(request));
      commit_together(*connection, one);
      return;
    }
    const std::scoped_lock lock(mutex);
    queue.push_back(std::move(request));
    wake.notify_one();
  }

  void write_until_closed() {
    for (;;) {
      std::vector<Request> batch = next_batch();
      if (batch.empty()) return;
      commit_together(*connection, batch);
    }
  }

  /// Everything that queued meanwhile, at most kBatch; empty once closed and dry.
  std::vector<Request> next_batch() {
    constexpr std::size_t kBatch = 64;
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] { return closed || !queue.empty(); });
    std::vector<Request> batch;
    while (!queue.empty() && batch.size() < kBatch) {
      batch.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return batch;
  }

  void close() {
    {
      const std::scoped_lock lock(mutex);
      closed = true;
      wake.notify_one();
    }
    if (writer.joinable()) writer.join();
  }

  std::unique_ptr<Connection> connection;
  Threading threading;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Request> queue;
  bool closed = false;
  std::jthread writer;
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file,
                                                       Threading threading) {
  try {
    auto connection = std::make_unique<Connection>(file);
    if (auto migrated = migrate(*connection, file); !migrated) {
      return std::unexpected(migrated.error());
    }
    return std::unique_ptr<SqliteStore>(
        new SqliteStore(std::make_unique<Impl>(std::move(connection), threading)));
  } catch (const StoreError& e) {
    return fail(
        e.disk_full() ? ErrorKind::kInsufficientStorage : ErrorKind::kInternal, "database_unusable",
        fmt::format("cannot open the database {}: {}. Check that the directory is writable, "
                    "the disk is not full and the file is a database; or restore a backup of it",
                    file.string(), e.what()));
  }
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteStore::~SqliteStore() { close(); }

void SqliteStore::close() { impl_->close(); }

Awaitable<void> SqliteStore::execute(Work work) {
  auto initiate = [this](auto handler, Work body) {
    const auto executor = asio::get_associated_executor(handler);
    // The guard keeps the loop alive while only the writer thread has something to do.
    Done done = [handler = std::move(handler),
                 guard = asio::make_work_guard(executor)](std::exception_ptr error) mutable {
      const auto target = guard.get_executor();
      asio::post(target,
                 [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
    };
    impl_->submit({std::move(body), std::move(done)});
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      std::move(initiate), asio::use_awaitable, std::move(work));
}

}  // namespace flashpods
