# What jobs really use, measured and charged by a real broker, and what it does when that is too much. Alone on the machine:
# they need the processors that they use.
foreach(name IN ITEMS metering pressure)
  slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp
    LIBRARIES slotd::client DEPENDS slotd slotd_test_worker RUN_SERIAL)
endforeach()
