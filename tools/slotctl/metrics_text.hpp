// Metrics as the text that Prometheus reads (format 0.0.4). The only file pair of slotctl that
// knows prometheus-cpp. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "slotd/metrics.hpp"

namespace slotd::ctl {

/// The whole document.
std::string metrics_text(const std::vector<MetricFamily>& families);

}  // namespace slotd::ctl
