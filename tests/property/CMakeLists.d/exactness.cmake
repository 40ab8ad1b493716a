# Admission by exact arithmetic, from the config's decimals on.
if(TARGET slotd_config)
  slotd_add_test(LABEL property NAME exactness
    SOURCES exactness_test.cpp
    LIBRARIES slotd::protocol slotd_config)
endif()
