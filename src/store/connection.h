#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "store/database.h"

namespace flashpods {

/// One SQLite connection with its prepared statements. Not thread-safe. Every failure of SQLite is
/// thrown as StoreError.
class Connection final : public Transaction {
 public:
  enum class Use : std::uint8_t { kReadAndWrite, kReadOnly };

  /// Opens or creates; WAL, synchronous=FULL, foreign keys on, busy timeout 5 s. With kReadOnly
  /// each statement that would write fails.
  explicit Connection(const std::filesystem::path& file, Use use = Use::kReadAndWrite);
  ~Connection() override;

  std::int64_t run(std::string_view sql, std::vector<Value> parameters = {}) override;
  std::vector<Row> rows(std::string_view sql, std::vector<Value> parameters = {}) override;

  /// Several statements at once, for the schema and for BEGIN, COMMIT, SAVEPOINT, PRAGMA.
  void execute(const std::string& script);

  /// False after an error that made SQLite roll the whole transaction back by itself
  /// (sqlite.org/lang_transaction.html, "Response to errors within a transaction").
  [[nodiscard]] bool in_transaction() const;

  /// A consistent copy of the whole database, synced.
  void back_up_to(const std::filesystem::path& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashpods
