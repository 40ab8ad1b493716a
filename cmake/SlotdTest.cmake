# Tests: one function registers a test program, one a helper program that tests start, one gathers a room.
find_package(GTest REQUIRED)
include(GoogleTest)

# slotd_add_test(LABEL <room> NAME <name> SOURCES <file>... [LIBRARIES <target>...] [DEPENDS <target>...]
#                [DEFINITIONS <name[=value]>...] [TIMEOUT <seconds>] [RUN_SERIAL] [TSAN])
#
# Builds <room>_<name>_test with GoogleTest and GoogleMock (a test program may bring its own main) and registers each of
# its cases with ctest as <room>.<name>.<Suite>.<Case>, label <room>.
#   DEPENDS     programs that must have been built before it runs (slotd, slotctl, helper programs)
#   TIMEOUT     of one case, 240 if not given; it catches a hang and is no claim about speed
#   RUN_SERIAL  its cases run with nothing beside them
#   TSAN        its threads share one mapping, so ThreadSanitizer sees them: label tsan as well, and the test is built by
#               the tsan preset, which builds no others
# In the environment of every case: SLOTD_BIN_DIR, the folder of the built programs.
function(slotd_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "RUN_SERIAL;TSAN" "LABEL;NAME;TIMEOUT"
    "SOURCES;LIBRARIES;DEPENDS;DEFINITIONS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_LABEL OR NOT arg_NAME OR NOT arg_SOURCES)
    message(FATAL_ERROR "slotd_add_test: LABEL, NAME and SOURCES are needed; not understood: "
      "'${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(SLOTD_SANITIZE STREQUAL "thread" AND NOT arg_TSAN)
    return()
  endif()
  set(target ${arg_LABEL}_${arg_NAME}_test)
  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE ${arg_DEFINITIONS})
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} GTest::gmock_main slotd_warnings)
  if(arg_DEPENDS)
    add_dependencies(${target} ${arg_DEPENDS})
  endif()

  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 240)
  endif()
  if(arg_RUN_SERIAL)
    set(serial ON)
  else()
    set(serial OFF)
  endif()
  gtest_discover_tests(${target}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    NO_PRETTY_VALUES
    TEST_PREFIX "${arg_LABEL}.${arg_NAME}."
    PROPERTIES
      LABELS ${arg_LABEL}
      TIMEOUT ${arg_TIMEOUT}
      RUN_SERIAL ${serial}
      ENVIRONMENT "SLOTD_BIN_DIR=${PROJECT_BINARY_DIR}/bin")
  if(arg_TSAN)
    # A list of labels does not survive the way through discovery: the second one is added when ctest reads the tests.
    set(labels_file ${CMAKE_CURRENT_BINARY_DIR}/${target}_labels.cmake)
    file(WRITE ${labels_file}
      "foreach(name IN LISTS ${target}_TESTS)\n"
      "  set_tests_properties(\"\${name}\" PROPERTIES LABELS \"${arg_LABEL};tsan\")\n"
      "endforeach()\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels_file})
  endif()
endfunction()

# slotd_add_test_program(NAME <target> SOURCES <file>... [LIBRARIES <target>...] [TSAN])
#
# A program that tests start as a process of its own; it lands beside the others in SLOTD_BIN_DIR.
function(slotd_add_test_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "TSAN" "NAME" "SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_SOURCES)
    message(FATAL_ERROR "slotd_add_test_program: NAME and SOURCES are needed; not understood: "
      "'${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(SLOTD_SANITIZE STREQUAL "thread" AND NOT arg_TSAN)
    return()
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBRARIES} slotd_warnings)
endfunction()

# Includes every CMakeLists.d/*.cmake of the current room, in the order of their names: a new test is a new file there
# and touches no other.
macro(slotd_include_room_parts)
  file(GLOB slotd_room_parts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/CMakeLists.d/*.cmake)
  foreach(slotd_room_part IN LISTS slotd_room_parts)
    include(${slotd_room_part})
  endforeach()
endmacro()
