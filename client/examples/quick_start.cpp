// The shortest use of slotd: claim a slot, work, give it back. Needs a running broker; exits 75 when the node has no room.
#include <cstdio>

#include "slotd/client.hpp"

int main() {
  slotd::Client client({.name = "quick-start"});
  slotd::Slot slot = client.try_claim("participant", {.key = "EG_quick_start"});
  if (!slot) return std::puts(slot.refusal().text().c_str()), 75;  // a refusal is an answer, not an error
  slot.activate();
  std::printf("running as %s\n", slot.token().c_str());  // the work; should this process die, the slot comes back by itself
  slot.release();
}
