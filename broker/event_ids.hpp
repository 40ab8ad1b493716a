// The events that the broker tells the journal, each with the fixed id that systemd/slotd.catalog
// explains and `journalctl MESSAGE_ID=...` finds. A name or an id never changes its meaning; an
// event that is no longer sent keeps its id.
//
// Values alone: no state, nothing blocks.
#pragma once

#include <array>
#include <string_view>

namespace slotd::broker {

struct EventId {
  std::string_view name;        ///< as in `event=NAME` and in the field SLOTD_EVENT
  std::string_view message_id;  ///< 32 lower-case hexadecimal digits
};

inline constexpr std::array<EventId, 22> kEventIds{{
    {"created", "8687b18d8ce14c8b6edd3a249018775a"},
    {"adopted", "3fe6e7be9ba057171ed40c227dab7ad2"},
    {"ready", "2d38de7c3bec5519cb674d999253f6b7"},
    {"stopped", "bafcaba920f0ac5c57b39e4dbda513bd"},
    {"reaped", "a93f99f2e8a4987e06082c084826f652"},
    {"reloaded", "70db71c4a6d5169ee2c532cf9756a036"},
    {"reload_refused", "7f5364eb98d00ba6b51d8b61ea81606d"},
    {"capacity", "88b065e74dd5a9ec0b0084f7de574f6d"},
    {"debt", "187e81ac2c112e79373020538dcceab0"},
    {"debt_drained", "6acc5fa209ae3ad42d4cc06b3a1290fc"},
    {"pressure", "374cc47ee0d33d024285a3e8267133ee"},
    {"pressure_nobody", "40eb60ed801cf3574e9ac62aa1b018a7"},
    {"pressure_untracked", "b4d343a84b68f1c71dba58587dc7abbe"},
    {"pressure_signal", "f78a2b517d521eaf4df03e1122d5189b"},
    {"segment_lost", "9c3572d8d8a33341189c32bf71c61315"},
    {"rebuilt", "e0c18e67ea435e559f81d902837a0c10"},
    {"carried_over", "f7525481775fdcc1ade2c9dbcbfa5cd5"},
    {"settling", "999753ea56fca68d353e81ce74592c37"},
    {"settled", "a5c7bac6a99bd634ada11e9451fc914b"},
    {"external_unreadable", "87e15dc4738be54072ce2b9581ba40bb"},
    {"retiring", "12de549df22dec617171356421076236"},
    {"http_failed", "91cfc7ed1ff03807ec00845d7452d709"},
}};

/// The id of an event; empty for a name that has none.
constexpr std::string_view find_message_id(std::string_view name) noexcept {
  for (const EventId& event : kEventIds) {
    if (event.name == name) return event.message_id;
  }
  return {};
}

}  // namespace slotd::broker
