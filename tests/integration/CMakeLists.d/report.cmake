# What jobs say of themselves, and what is shown of it.
if(TARGET slotctl AND TARGET slotd)
  find_package(nlohmann_json 3.11 REQUIRED)
  slotd_add_test(LABEL integration NAME slotctl_report SOURCES slotctl_report_test.cpp
    LIBRARIES slotd::protocol nlohmann_json::nlohmann_json DEPENDS slotd slotctl
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
