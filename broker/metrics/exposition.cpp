#include "broker/metrics/exposition.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace slotd::broker {

std::string write_exposition(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(fill_families<prometheus::MetricFamily>(families));
}

}  // namespace slotd::broker
