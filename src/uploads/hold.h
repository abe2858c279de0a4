#pragma once

#include <string>
#include <utility>

#include "uploads/uploads.h"

namespace flashpods::uploads {

/// Holds an upload for the length of a scope, unless the holder is kept on for a transfer.
class Uploads::Hold {
 public:
  /// `id` must be free.
  Hold(Uploads& uploads, std::string id, std::function<void()> stop = {})
      : uploads_(&uploads), id_(std::move(id)) {
    uploads_->held_.emplace(id_, std::move(stop));
  }
  ~Hold() {
    if (uploads_ != nullptr) uploads_->held_.erase(id_);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  /// Whoever ends the transfer lets go.
  void keep() { uploads_ = nullptr; }

 private:
  Uploads* uploads_;
  std::string id_;
};

}  // namespace flashpods::uploads
