# What others are sure of, and what is told of what has happened, on heap segments.
slotd_add_test(LABEL unit NAME minimum
  SOURCES minimum_test.cpp
  LIBRARIES slotd_heap_segment)
slotd_add_test(LABEL unit NAME events
  SOURCES events_test.cpp
  LIBRARIES slotd_heap_segment)
