// The shortest use of slotd: claim a slot, work, give it back. Needs a running broker; exits 75
// when the node has no room.
#include <cstdio>

#include "slotd/client.hpp"

int main() {
  slotd::Client client({.name = "quick-start"});
  slotd::Slot slot = client.try_claim("participant", {.key = "EG_quick_start"});
  if (!slot) {  // a refusal is an answer, not an error
    std::puts(slot.refusal().text().c_str());
    return 75;
  }
  slot.activate();
  std::printf("running as %s\n", slot.token().c_str());  // the work goes here
  slot.release();  // the end of the process would do it too, however it comes
}
