// A membership is one: a copy would end it while the other is in use.
#include "slotd/client.hpp"

void use(slotd::Client& client);

void pass_on(slotd::Client& client) {
#ifdef MISTAKE
  slotd::Client copy = client;
  use(copy);
#else
  use(client);
#endif
}
