# doctor, completion in the shells, and the manual pages.
if(TARGET slotctl AND TARGET slotd)
  find_package(nlohmann_json 3.11 REQUIRED)
  foreach(name IN ITEMS slotctl_doctor slotctl_completion)
    slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp
      LIBRARIES slotd::protocol nlohmann_json::nlohmann_json DEPENDS slotd slotctl
      DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
  endforeach()
  slotd_add_test(LABEL integration NAME man_pages SOURCES man_pages_test.cpp
    LIBRARIES nlohmann_json::nlohmann_json
    DEFINITIONS "SLOTD_MAN_DIR=\"${PROJECT_BINARY_DIR}/docs/man\"")
  if(TARGET slotd_man)
    add_dependencies(integration_man_pages_test slotd_man)
  endif()
endif()
