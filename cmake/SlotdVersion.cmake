# The version is written once, in project(); workers may include the headers straight from the source tree, so a
# copy of it is checked in and this makes a forgotten one a configure error.
set(slotd_version_header ${PROJECT_SOURCE_DIR}/include/slotd/version.hpp)
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${slotd_version_header})
file(STRINGS ${slotd_version_header} slotd_version_line REGEX "kVersion\\[\\] = \"")
if(NOT slotd_version_line MATCHES "\"([^\"]+)\"" OR NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR
    "include/slotd/version.hpp says version '${CMAKE_MATCH_1}', project() in CMakeLists.txt says "
    "'${PROJECT_VERSION}': make them agree")
endif()
