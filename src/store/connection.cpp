#include "store/connection.h"

#include <map>

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

namespace flashpods {

namespace {

StoreError to_store_error(const SQLite::Exception& e) {
  return {e.what(), e.getErrorCode() == SQLITE_FULL};
}

/// Resets a statement when its rows have been read, or reading them failed: one that is left half
/// way keeps its read transaction open.
class Reset {
 public:
  explicit Reset(SQLite::Statement& statement) : statement_(statement) {}
  ~Reset() { statement_.tryReset(); }
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;

 private:
  SQLite::Statement& statement_;
};

/// Runs `body`, turning the library's exception into ours.
template <class Body>
auto guarded(Body&& body) {
  try {
    return body();
  } catch (const SQLite::Exception& e) {
    throw to_store_error(e);
  }
}

void bind(SQLite::Statement& statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    statement.bind(index, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    statement.bind(index, *text);
  } else {
    statement.bind(index);
  }
}

Value read(const SQLite::Column& column) {
  if (column.isNull()) return nullptr;
  if (column.isInteger()) return std::int64_t{column.getInt64()};
  return column.getString();
}

}  // namespace

struct Connection::Impl {
  explicit Impl(const std::filesystem::path& file)
      : database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000) {}

  /// The cached statement, reset and bound.
  SQLite::Statement& prepare(std::string_view sql, const std::vector<Value>& parameters) {
    auto found = statements.find(sql);
    if (found == statements.end()) {
      found = statements
                  .emplace(std::string{sql},
                           std::make_unique<SQLite::Statement>(database, std::string{sql}))
                  .first;
    }
    SQLite::Statement& statement = *found->second;
    statement.tryReset();
    statement.clearBindings();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      bind(statement, static_cast<int>(i) + 1, parameters[i]);
    }
    return statement;
  }

  SQLite::Database database;
  std::map<std::string, std::unique_ptr<SQLite::Statement>, std::less<>> statements;
};

// A read-only connection is opened to write all the same: the last one to close folds the journal
// in, whichever it is.
Connection::Connection(const std::filesystem::path& file, Use use) {
  guarded([&] {
    impl_ = std::make_unique<Impl>(file);
    impl_->database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
        "PRAGMA trusted_schema = OFF");
    if (use == Use::kReadOnly) impl_->database.exec("PRAGMA query_only = ON");
  });
}

Connection::~Connection() {
  if (impl_) impl_->statements.clear();
}

std::int64_t Connection::run(std::string_view sql, std::vector<Value> parameters) {
  return guarded([&] {
    SQLite::Statement& statement = impl_->prepare(sql, parameters);
    const Reset reset(statement);
    const int changed = statement.exec();
    return std::int64_t{changed};
  });
}

std::vector<Row> Connection::rows(std::string_view sql, std::vector<Value> parameters) {
  return guarded([&] {
    SQLite::Statement& statement = impl_->prepare(sql, parameters);
    const Reset reset(statement);
    auto names = std::make_shared<std::vector<std::string>>();
    for (int i = 0; i < statement.getColumnCount(); ++i) {
      names->emplace_back(statement.getColumnName(i));
    }
    std::vector<Row> result;
    while (statement.executeStep()) {
      std::vector<Value> values;
      values.reserve(names->size());
      for (int i = 0; i < statement.getColumnCount(); ++i) {
        values.push_back(read(statement.getColumn(i)));
      }
      result.emplace_back(names, std::move(values));
    }
    return result;
  });
}

void Connection::execute(const std::string& script) {
  guarded([&] { impl_->database.exec(script); });
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(impl_->database.getHandle()) == 0;
}

void Connection::back_up_to(const std::filesystem::path& file) {
  run("VACUUM INTO ?1", {to_value(file.string())});
}

}  // namespace flashpods
