// A slot has one handle: two would release it twice.
#include <utility>

#include "slotd/client.hpp"

void use(slotd::Slot slot);

void hand_on(slotd::Slot slot) {
#ifdef MISTAKE
  use(slot);
#else
  use(std::move(slot));
#endif
}
