#pragma once
// A job's output, live, onto our own stdout and stderr.

#include <cstdint>
#include <string>

#include "cli/session.h"
#include "cli/terminal_filter.h"
#include "client/api.h"

namespace flashpods::cli {

/// Where one followed stream goes: a terminal gets it made safe, anything else the exact bytes.
class OutputSink {
 public:
  explicit OutputSink(const Stream& stream) : stream_(stream), filter_(stream.colour) {}
  void write(std::string_view bytes);
  void finish();

 private:
  Stream stream_;
  TerminalFilter filter_;
};

/// Follows one stream of a log ("stdout", "stderr" or "" for both) from where it stopped last, so
/// that it can be cancelled and taken up again, until the job's end. A lost connection is tried
/// again. Replies carry text; where that is not exactly the job's bytes (they were no UTF-8) the
/// bytes themselves are asked for.
class OutputFollower {
 public:
  OutputFollower(client::Api& api, Timer& timer, std::string job_id, client::OutputQuery query,
                 const Stream& stream);

  /// Returns at the log's end. An error is the last of several tries.
  Awaitable<Result<void>> run();
  /// Shows what the terminal filter still holds back.
  void finish() { sink_.finish(); }

 private:
  struct Piece {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  bool on_event(std::string_view event, std::string_view data);
  Awaitable<Result<void>> follow_once();
  Awaitable<Result<void>> fetch_exact(Piece piece);
  [[nodiscard]] Result<void> interrupted() const;

  client::Api& api_;
  Timer& timer_;
  std::string job_id_;
  client::OutputQuery query_;
  OutputSink sink_;
  std::optional<Piece> inexact_;  // to be fetched as it is before following goes on
  bool ended_ = false;
  bool progress_ = false;  // something came since the last failure
};

/// Follows the job to its end: on one terminal in the order it was written, else stdout to stdout
/// and stderr to stderr. Everything to stderr if `session.json`.
class JobOutput {
 public:
  JobOutput(Session& session, client::Api& api, std::string job_id);
  Awaitable<Result<void>> follow();
  void finish();

 private:
  bool separate_;
  OutputFollower first_;
  OutputFollower second_;
};

}  // namespace flashpods::cli
