# Limits that move while jobs run: reload, overrides, drain, and waiting for room.
if(TARGET slotctl AND TARGET slotd)
  find_package(nlohmann_json 3.11 REQUIRED)
  foreach(name IN ITEMS live_limits live_reload live_wait live_minimum)
    slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp
      LIBRARIES slotd::client nlohmann_json::nlohmann_json DEPENDS slotd slotctl slotd_test_worker
      DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
  endforeach()
endif()
