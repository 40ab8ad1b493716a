# slotctl as a program, against the real broker.
if(TARGET slotctl AND TARGET slotd)
  find_package(nlohmann_json 3.11 REQUIRED)
  slotd_add_test_program(NAME slotd_test_interrupts
    SOURCES ${PROJECT_SOURCE_DIR}/tests/support/count_interrupts_main.cpp)
  foreach(name IN ITEMS slotctl_events slotctl_output slotctl_top slotctl_read slotctl_claim slotctl_run slotctl_operator)
    slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp
      LIBRARIES slotd::protocol nlohmann_json::nlohmann_json DEPENDS slotd slotctl slotd_test_interrupts
      DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
  endforeach()
endif()
