#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "async/awaitable.h"
#include "base/error.h"
#include "store/database.h"
#include "store/event_hub.h"

namespace flashpods {

/// The one truth. An awaited transaction has been synced to disk when the await returns.
class Store {
 public:
  virtual ~Store() = default;

  /// Runs `body(Transaction&)` as one transaction and returns what it returned, durable. The body
  /// may run on another thread: it owns or copies all it captures and touches nothing else.
  /// A body that returns an error (std::unexpected) or throws leaves no trace; what it threw is
  /// thrown here.
  template <class Body>
  Awaitable<std::invoke_result_t<Body&, Transaction&>> transact(Body body) {
    return run(&Store::execute, std::move(body));
  }

  /// Runs `body(Transaction&)` on one consistent view of what is committed, what the caller has
  /// awaited included. It waits for no commit, and holds none up. Like transact() otherwise; a
  /// body that tries to write throws StoreError.
  template <class Body>
  Awaitable<std::invoke_result_t<Body&, Transaction&>> read(Body body) {
    return run(&Store::execute_read, std::move(body));
  }

  /// Runs one piece of work in a savepoint; true keeps it, false rolls it back. For transact() and
  /// for stores that stand before another one.
  using Work = std::function<bool(Transaction&)>;
  virtual Awaitable<void> execute(Work work) = 0;
  /// The same for read(). A store of one connection reads as it writes.
  virtual Awaitable<void> execute_read(Work work) { return execute(std::move(work)); }

  /// Hears, after each commit, the subject of every row that it added to `events`.
  [[nodiscard]] virtual EventHub& events() = 0;

 private:
  template <class Body>
  Awaitable<std::invoke_result_t<Body&, Transaction&>> run(Awaitable<void> (Store::*execute)(Work),
                                                           Body body);
};

/// The real one. A connection (WAL, synchronous=FULL) owned by one writer thread; requests queue,
/// and those that queued while the last commit synced are committed together, each in a savepoint
/// of its own. A second connection, which cannot write, is owned by one reader thread (WAL: readers
/// do not block the writer, nor it them; sqlite.org/wal.html, "Concurrency").
class SqliteStore final : public Store {
 public:
  /// Where bodies run: a thread of the store's own, or the caller's (tests, simulation; commits one
  /// by one and never suspends).
  enum class Threading : std::uint8_t { kOwnThread, kInline };

  /// Opens or creates the database and brings its schema up to date (PRAGMA user_version); an older
  /// one is backed up beside itself first, a newer one is refused. Errors say which file and what
  /// to do.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& file,
                                                                 Threading threading);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  Awaitable<void> execute(Work work) override;
  Awaitable<void> execute_read(Work work) override;
  EventHub& events() override { return events_; }

  /// Closes after the queue has run dry. Nothing may be awaited afterwards.
  void close();

 private:
  struct Impl;
  enum class Access : std::uint8_t { kWrite, kRead };

  SqliteStore();
  Awaitable<void> submit(Work work, Access access);

  EventHub events_;
  std::unique_ptr<Impl> impl_;
};

namespace store_detail {

template <class T>
[[nodiscard]] bool keep(const T&) {
  return true;
}
template <class T>
[[nodiscard]] bool keep(const Result<T>& result) {
  return result.has_value();
}

}  // namespace store_detail

template <class Body>
Awaitable<std::invoke_result_t<Body&, Transaction&>> Store::run(
    Awaitable<void> (Store::*execute)(Work), Body body) {
  using Outcome = std::invoke_result_t<Body&, Transaction&>;
  if constexpr (std::is_void_v<Outcome>) {
    Work work = [body = std::move(body)](Transaction& tx) mutable {
      body(tx);
      return true;
    };
    co_await (this->*execute)(std::move(work));
  } else {
    // Shared, not by reference: a cancelled caller may be gone before the writer runs the body.
    auto outcome = std::make_shared<std::optional<Outcome>>();
    Work work = [body = std::move(body), outcome](Transaction& tx) mutable {
      outcome->emplace(body(tx));
      return store_detail::keep(**outcome);
    };
    co_await (this->*execute)(std::move(work));
    co_return std::move(**outcome);
  }
}

}  // namespace flashpods
