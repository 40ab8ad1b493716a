# What an installation tells a monitoring system: slotctl metrics, and the broker's HTTP endpoint.
if(TARGET slotctl AND TARGET slotd)
  find_package(nlohmann_json 3.11 REQUIRED)
  foreach(name IN ITEMS metrics http http_browser prometheus)
    slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp TIMEOUT 240
      LIBRARIES slotd::client nlohmann_json::nlohmann_json DEPENDS slotd slotctl slotd_test_worker
      DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
  endforeach()
endif()
