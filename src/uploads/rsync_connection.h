#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.h"
#include "process/child.h"
#include "uploads/rsync_log.h"
#include "uploads/stored_upload_files.h"
#include "uploads/transfer_budget.h"
#include "uploads/uploads.h"

namespace flashpods::uploads {

/// What all connections share; outlives them.
struct Receiving {
  Uploads& uploads;
  StoredUploadFiles& files;
  Surroundings with;
};

/// How rsync is started, the same for all connections.
struct RsyncProgram {
  std::string program;
  std::vector<std::string> hook;
  std::optional<std::filesystem::path> secrets_file;
};

/// One client and its rsync process, from accept to the moment the upload is back in its place:
/// start rsync on the socket, answer its hook once, count what it writes, wait for its end.
class RsyncConnection {
 public:
  /// `owner` is the peer's address; `name` is unused among the slots.
  RsyncConnection(Executor executor, Receiving receiving, RsyncProgram program, std::string name,
                  std::string owner);

  Awaitable<void> run(boost::asio::ip::tcp::socket socket);

  /// Takes over the process of a connection that the previous daemon served.
  Awaitable<void> run_survivor(FoundTransfer survivor);

  /// Ends the process; run() then returns soon. May be called at any time.
  void stop();

 private:
  [[nodiscard]] Result<void> start(boost::asio::ip::tcp::socket& socket);
  [[nodiscard]] Result<void> write_config(const TransferSlot& slot) const;
  [[nodiscard]] Result<Child> spawn(const TransferSlot& slot, int socket, int channel) const;
  Awaitable<void> await_end();
  Awaitable<void> supervise();
  Awaitable<Result<void>> answer_hook();
  Awaitable<Result<void>> decide(std::string question);
  Awaitable<void> guard_budget();
  Awaitable<void> pause();
  Awaitable<void> measure();
  void cut(const char* why);
  [[nodiscard]] bool only_reads();
  void look_for_failure();
  Awaitable<void> wait_for_descendants();

  Uploads& uploads_;
  StoredUploadFiles& files_;
  Surroundings with_;
  RsyncProgram program_;
  std::string name_;
  std::string owner_;
  std::filesystem::path module_;
  boost::asio::local::stream_protocol::socket channel_;  ///< to the hook
  boost::asio::steady_timer end_;                        ///< cancelled when the process ends
  Child child_;
  pid_t process_ = -1;
  bool started_ = false;
  bool ended_ = false;
  bool adopted_ = false;  ///< not our child: its lock says when it has ended
  std::string id_;        ///< once admitted
  TransferBudget budget_;
  std::uint64_t file_count_ = 0;
  std::uint64_t files_allowed_ = 0;  ///< from the first measurement on
  std::uint64_t written_ = 0;        ///< at the last poll
  std::uint64_t read_before_ = 0;    ///< when something was written last
  std::optional<RsyncLog> log_;
  std::optional<Milliseconds> end_by_;  ///< when one that failed has had its last words
  bool cut_ = false;
  bool yields_ = false;  ///< to us, near the limit
  Milliseconds next_measure_{0};
};

}  // namespace flashpods::uploads
