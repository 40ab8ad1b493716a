# Whom pressure tells, stops and kills, over injected samples.
if(TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME pressure
    SOURCES
      pressure_course_test.cpp
      pressure_memory_test.cpp
      pressure_random_test.cpp
      pressure_test.cpp
    LIBRARIES slotd_broker slotd::protocol)
endif()
