# Life and death of an owner, row by row, and what went wrong elsewhere, number by number.
if(SLOTD_SANITIZE STREQUAL "thread")
  return()
endif()
add_library(slotd_life_plugin MODULE life_plugin.cpp)
set_target_properties(slotd_life_plugin PROPERTIES PREFIX "" SUFFIX ".so"
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
target_include_directories(slotd_life_plugin PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(slotd_life_plugin PRIVATE slotd::client slotd_warnings)

foreach(name IN ITEMS life_stop life_handover)
  slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp
    LIBRARIES slotd::client DEPENDS slotd slotd_test_worker)
endforeach()
slotd_add_test(LABEL integration NAME life_process SOURCES life_process_test.cpp
  LIBRARIES slotd::client ${CMAKE_DL_LIBS} DEPENDS slotd slotd_test_worker slotd_life_plugin)
if(TARGET slotctl)
  find_package(nlohmann_json 3.11 REQUIRED)
  slotd_add_test(LABEL integration NAME field_reports SOURCES field_reports_test.cpp
    LIBRARIES slotd::client nlohmann_json::nlohmann_json DEPENDS slotd slotctl slotd_test_worker)
endif()
