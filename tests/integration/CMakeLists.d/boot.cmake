# A booted systemd with the package in it. A minute or so; it is no program of GoogleTest, and 77 says that a container
# cannot be booted here. Not for the sanitizers: what is packed is what was built.
if(TARGET slotd AND TARGET slotctl AND SLOTD_INSTALL AND NOT SLOTD_SANITIZE)
  add_test(NAME integration.boot
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/boot/run ${PROJECT_BINARY_DIR} ${PROJECT_BINARY_DIR}/boot_transcript.txt)
  set_tests_properties(integration.boot PROPERTIES LABELS integration TIMEOUT 700 SKIP_RETURN_CODE 77
    RESOURCE_LOCK slotd_install)
endif()
