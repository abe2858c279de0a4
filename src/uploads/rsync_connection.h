#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "async/awaitable.h"
#include "process/child.h"
#include "uploads/rsync_log.h"
#include "uploads/rsync_process.h"
#include "uploads/stored_upload_files.h"
#include "uploads/transfer_guard.h"
#include "uploads/uploads.h"

namespace flashpods::uploads {

/// How rsync is started, the same for all connections.
struct RsyncProgram {
  std::string program;
  std::vector<std::string> hook;
  std::optional<std::filesystem::path> secrets_file;
};

/// One client and its rsync process, from accept to the moment the upload is back in its place:
/// start rsync on the socket, answer its hook once, keep it within its limits, wait for its end.
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
  Awaitable<void> unbroken(Awaitable<void> work);
  Awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  [[nodiscard]] Result<void> start(boost::asio::ip::tcp::socket& socket);
  [[nodiscard]] Result<void> write_config(const TransferSlot& slot) const;
  [[nodiscard]] Result<Child> spawn(const TransferSlot& slot, int socket, int channel) const;
  Awaitable<void> await_end();
  Awaitable<void> supervise();
  Awaitable<Result<void>> answer_hook(TransferGuard& guard);
  Awaitable<Result<void>> decide(std::string question, TransferGuard& guard);
  Awaitable<void> end_descendants();

  Uploads& uploads_;
  StoredUploadFiles& files_;
  Surroundings with_;
  RsyncProgram program_;
  std::string name_;
  std::string owner_;
  boost::asio::local::stream_protocol::socket channel_;  ///< to the hook
  RsyncProcess process_;
  std::optional<RsyncLog> log_;
  std::string id_;           ///< once admitted
  bool ended_well_ = false;  ///< the child sent all that it was asked to send
};

}  // namespace flashpods::uploads
