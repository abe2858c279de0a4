#pragma once
// Randomness as an injected dependency, and the ids made from it.

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace flashpods {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

/// The kernel's generator (getrandom(2)).
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

/// Repeatable, for tests and simulation; never for a secret.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::mt19937_64 engine_;
};

/// `bytes` random bytes as lower-case hex (two characters a byte).
[[nodiscard]] std::string random_hex(Random& random, std::size_t bytes);

/// "job_" and 16 characters of [a-z2-7]: 80 bits, safe as a container and file name.
[[nodiscard]] std::string make_job_id(Random& random);

/// "upload_" and 32 hex digits: 128 bits, so that nobody guesses a neighbour's upload.
[[nodiscard]] std::string make_upload_id(Random& random);

/// A version 4 UUID (RFC 9562), for client_job_id.
[[nodiscard]] std::string make_uuid(Random& random);

/// True for ids of the form make_job_id gives. Whatever else is no job, and never a path.
[[nodiscard]] bool is_job_id(std::string_view text);

/// True for `upload_[A-Za-z0-9-]{1,64}`: clients may make their own upload ids.
[[nodiscard]] bool is_upload_id(std::string_view text);

}  // namespace flashpods
