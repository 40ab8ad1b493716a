// One fuzz target is one file in tests/fuzz/targets that defines this function. The libFuzzer build
// makes a program of each; the default build gives each another name (fuzz_NAME) and replays the
// stored inputs through all of them in one program.
#pragma once

#include <cstddef>
#include <cstdint>

/// Runs one input. Returns 0; ends the program when something that must hold does not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
