// A million pairs of claim and release between two marks that a tracer can see, and as many refused
// claims and checks: for the test that nothing in between enters the kernel.
//
//   slotd_test_pairs SEGMENT COUNT     exit 0 when every operation had the answer that it should
//   have
//
// The segment has a type `plain` with room, and a type `none` of which none is admitted.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "slotd/client.hpp"

namespace {

/// A system call that nothing else here makes.
void mark() { ::syscall(SYS_getppid); }

/// COUNT operations between two marks.
template <typename Operation>
bool run(long count, Operation operation) {
  operation();  // what happens once happens before the mark
  bool right = true;
  mark();
  for (long i = 0; i < count; ++i) right = operation() && right;
  mark();
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const long count = std::atol(argv[2]);
  slotd::Client client({argv[1], "pairs"});
  const slotd::TypeId plain = client.type("plain");
  const slotd::TypeId none = client.type("none");
  std::error_code ec;
  bool right = run(count, [&] {
    slotd::Slot slot = client.try_claim(plain, {}, ec);
    const bool admitted = static_cast<bool>(slot);
    slot.release(ec);
    return admitted && !ec;
  });
  right = run(count / 10,
              [&] {
                slotd::Slot slot =
                    client.try_claim(plain, {.key = "EG_key", .memory_bytes = 1000}, ec);
                const bool admitted = static_cast<bool>(slot);
                slot.activate(ec);
                slot.end(ec);
                slot.release(ec);
                return admitted && !ec;
              }) &&
          right;
  right =
      run(count / 10,
          [&] {
            return client.try_claim(none, {}, ec).refusal().reason() == slotd::Reason::kTypeLimit;
          }) &&
      right;
  right =
      run(count / 10, [&] { return static_cast<bool>(client.can_accept(plain, {}, ec)); }) && right;
  return right ? 0 : 1;
}
