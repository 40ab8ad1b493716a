// Metrics as the text that Prometheus reads (format 0.0.4). The only file pair of the broker that
// knows prometheus-cpp. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "slotd/metrics.hpp"

namespace slotd::broker {

/// What a response with this text has to call it.
inline constexpr const char* kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

/// The whole document.
std::string write_exposition(const std::vector<MetricFamily>& families);

}  // namespace slotd::broker
