// Reads small files of /proc, /sys and cgroup folders whole. Never waits for a writer, and for
// another process only as long as the kernel does to print the text. No file of this folder but
// external_count.cpp opens anything else.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace slotd::broker {

inline constexpr std::size_t kSmallTextBytes = std::size_t{64} << 10;
/// A host with hundreds of containers has mounts for some hundred KiB.
inline constexpr std::size_t kLargeTextBytes = std::size_t{4} << 20;

enum class Longer : bool { kRefuse, kCut };  ///< what to do with a text above the limit

/// The text of a file; nothing when it cannot be read, or is longer than `most_bytes` and that is
/// refused.
std::optional<std::string> read_text(const std::string& path,
                                     std::size_t most_bytes = kSmallTextBytes,
                                     Longer longer = Longer::kRefuse);

/// The same from a descriptor that stands at the beginning.
std::optional<std::string> read_text_of(int fd, std::size_t most_bytes, Longer longer);

}  // namespace slotd::broker
