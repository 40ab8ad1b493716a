// A plugin that claims for itself through the client that was compiled into it. Loaded with dlopen
// by life_process_test.cpp.
#include <memory>
#include <string>
#include <vector>

#include "slotd/client.hpp"

namespace {

struct State {
  std::unique_ptr<slotd::Client> client;
  std::vector<slotd::Slot> slots;
};

State& state() {
  static State* const kept = new State;  // a library that is unloaded runs no destructor of it
  return *kept;
}

}  // namespace

extern "C" {

/// Attaches and claims one slot of the type; its index, -1 when it was refused or not attached.
int plugin_claim(const char* segment, const char* type) try {
  if (!state().client) {
    state().client = std::make_unique<slotd::Client>(slotd::Client::Options{segment, "plugin"});
  }
  slotd::Slot slot = state().client->try_claim(type);
  if (!slot) return -1;
  state().slots.push_back(std::move(slot));
  return static_cast<int>(state().slots.back().index());
} catch (const std::exception&) {
  return -1;
}

/// Gives back what it has claimed and ends its membership.
void plugin_leave() {
  state().slots.clear();
  state().client->detach();
}
}
