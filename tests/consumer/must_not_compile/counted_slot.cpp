// "Was it admitted?" is a question, not a number that can be added up.
#include "slotd/client.hpp"

int count_admitted(const slotd::Slot& first, const slotd::Slot& second) {
#ifdef MISTAKE
  return first + second;
#else
  return (first ? 1 : 0) + (second ? 1 : 0);
#endif
}
