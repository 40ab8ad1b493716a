# Those who wait: their order, and their entries on heap segments.
slotd_add_test(LABEL unit NAME waiting
  SOURCES queue_test.cpp waiters_hostile_test.cpp waiters_test.cpp
  LIBRARIES slotd_heap_segment)
