// `metrics [--textfile FILE]`: what the segment has to say to a monitoring system, in Prometheus'
// text format, to stdout or into a file that is replaced whole. Maps read-only; needs neither the
// broker nor write permission. Blocks on the file system only; killed anywhere it leaves the old
// file, and may leave FILE.XXXXXX beside it.
#pragma once

#include <string>

namespace slotd::ctl {

class CommandSet;

void add_metrics(CommandSet& set);

/// Puts `text` under the path, whole or not at all, readable by everybody. Throws Failure naming
/// the path.
void replace_file(const std::string& path, const std::string& text);

}  // namespace slotd::ctl
