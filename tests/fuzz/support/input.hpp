// The bytes of one fuzz input, taken from the front: numbers, texts, rests. Behind the end
// everything is zero or empty, so that every prefix of an input is one too. Not thread-safe; never
// blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace slotd::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) noexcept : at_(data), left_(size) {}

  bool empty() const noexcept { return left_ == 0; }

  /// A little-endian number of the width of T.
  template <typename T>
  T take() noexcept {
    T value{};
    const std::size_t count = left_ < sizeof(T) ? left_ : sizeof(T);
    if (count != 0) std::memcpy(&value, at_, count);
    skip(count);
    return value;
  }

  std::string_view take_text(std::size_t bytes) noexcept {
    const std::size_t count = left_ < bytes ? left_ : bytes;
    const std::string_view text(reinterpret_cast<const char*>(at_), count);
    skip(count);
    return text;
  }
  std::string_view take_rest() noexcept { return take_text(left_); }

 private:
  void skip(std::size_t count) noexcept {
    if (count == 0) return;
    at_ += count;
    left_ -= count;
  }

  const std::uint8_t* at_;
  std::size_t left_;
};

/// Ends the program when something that must hold for every input does not: a fuzzer takes that for
/// a crash and keeps the input, the replay fails.
inline void require(bool holds, const char* what) noexcept {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

}  // namespace slotd::fuzz
