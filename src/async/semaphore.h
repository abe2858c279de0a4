#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.h"

namespace flashpods {

/// Bounds how many coroutines of one thread do something at once, first come first served.
class Semaphore {
 public:
  explicit Semaphore(std::size_t permits) : free_(permits) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// One permit; given back when it dies. Move-only; must not outlive the semaphore.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(Semaphore& from) : from_(&from) {}
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      if (this != &other) {
        give_back();
        from_ = std::exchange(other.from_, nullptr);
      }
      return *this;
    }
    ~Permit() { give_back(); }
    [[nodiscard]] explicit operator bool() const { return from_ != nullptr; }
    void give_back() {
      if (from_ != nullptr) std::exchange(from_, nullptr)->release();
    }

   private:
    Semaphore* from_ = nullptr;
  };

  /// A permit if one is free and nobody waits; else an empty one.
  [[nodiscard]] Permit try_acquire();

  /// Waits its turn. Cancellable.
  Awaitable<Permit> acquire();

 private:
  void release();

  std::size_t free_;
  std::list<boost::asio::steady_timer*> waiting_;  // the waiters' own timers, cancelled to wake
};

}  // namespace flashpods
