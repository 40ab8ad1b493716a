#include "broker/journal.hpp"

#define SD_JOURNAL_SUPPRESS_LOCATION  // the place in this file says nothing about the event
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "broker/event_ids.hpp"
#include "broker/event_text.hpp"

namespace slotd::broker {

bool is_journal_stream(int fd) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(fd, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

bool try_send_to_journal(int priority, std::string_view line) {
  const EventText event = parse_event(line);
  std::vector<std::string> fields{"MESSAGE=" + std::string(line),
                                  "PRIORITY=" + std::to_string(priority),
                                  "SYSLOG_IDENTIFIER=slotd"};
  if (!event.name.empty()) fields.push_back("SLOTD_EVENT=" + event.name);
  if (const auto id = find_message_id(event.name); !id.empty())
    fields.push_back("MESSAGE_ID=" + std::string(id));
  for (const EventField& field : event.fields)
    fields.push_back(journal_field(field.key) + "=" + field.value);
  if (!event.name.empty() && !event.remark.empty())
    fields.push_back("SLOTD_REMARK=" + event.remark);

  std::vector<iovec> parts;
  parts.reserve(fields.size());
  for (std::string& field : fields) parts.push_back({field.data(), field.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

}  // namespace slotd::broker
