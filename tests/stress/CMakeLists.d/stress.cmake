# Serial: they use more processes than there are cores, and are the better for it.
foreach(name IN ITEMS random_claims last_room broker_killed changing_rules)
  slotd_add_test(LABEL stress NAME ${name} SOURCES ${name}_test.cpp
    LIBRARIES slotd::client DEPENDS slotd TIMEOUT 300 RUN_SERIAL)
endforeach()
