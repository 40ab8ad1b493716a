// How often this program has asked for memory through operator new. Link allocation_count.cpp,
// which replaces it; what the C library takes for itself is not seen here.
#pragma once

namespace slotd::testing {

/// Since the start of the program, by all threads.
long allocation_count() noexcept;

}  // namespace slotd::testing
