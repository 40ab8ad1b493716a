#include "tools/slotctl/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace slotd::ctl {

std::string metrics_text(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(fill_families<prometheus::MetricFamily>(families));
}

}  // namespace slotd::ctl
