// A type is named or looked up; a bare number may mean another type in another segment.
#include "slotd/client.hpp"

slotd::Slot claim(slotd::Client& client) {
#ifdef MISTAKE
  return client.try_claim(2);
#else
  return client.try_claim(client.type("participant"));
#endif
}
