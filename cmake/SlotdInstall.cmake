# What goes where. Two components: `dev` is all that a worker needs to compile against slotd, `host` all that a machine
# needs to run it. `cmake --install build/release --component dev --prefix DIR` installs the first alone.
include(CMakePackageConfigHelpers)

# Headers, CMake package, pkg-config file: independent of the architecture, hence under share/.
install(DIRECTORY include/slotd client/slotd
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT dev
  FILES_MATCHING PATTERN "*.hpp")

set(slotd_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/slotd)
configure_package_config_file(cmake/slotdConfig.cmake.in ${PROJECT_BINARY_DIR}/slotdConfig.cmake
  INSTALL_DESTINATION ${slotd_package_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break, so it is the minor version that has to match.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/slotdConfigVersion.cmake
  COMPATIBILITY SameMinorVersion
  ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/slotdConfig.cmake ${PROJECT_BINARY_DIR}/slotdConfigVersion.cmake
  DESTINATION ${slotd_package_dir}
  COMPONENT dev)
install(TARGETS slotd_protocol slotd_client EXPORT slotdTargets)
install(EXPORT slotdTargets
  NAMESPACE slotd::
  DESTINATION ${slotd_package_dir}
  COMPONENT dev)

# The prefix is left open until --install knows it: the file says where it lies itself.
set(SLOTD_PC_PREFIX "\${pcfiledir}/../..")
configure_file(cmake/slotd.pc.in ${PROJECT_BINARY_DIR}/slotd.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/slotd.pc
  DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig
  COMPONENT dev)

# Programs.
foreach(program IN ITEMS slotd slotctl)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT host)
  endif()
endforeach()

# Completion, where each shell looks for it. bash-completion's own answer is taken where its pkg-config file is installed.
find_program(SLOTD_PKG_CONFIG pkg-config)
set(SLOTD_BASH_COMPLETION_DIR ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
if(SLOTD_PKG_CONFIG)
  execute_process(
    COMMAND ${SLOTD_PKG_CONFIG} --define-variable=prefix=/slotd-prefix --variable=completionsdir bash-completion
    OUTPUT_VARIABLE answer ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(answer MATCHES "^/slotd-prefix/(.+)$")
    set(SLOTD_BASH_COMPLETION_DIR ${CMAKE_MATCH_1})
  endif()
endif()
if(TARGET slotctl)
  install(FILES tools/slotctl/completion/slotctl.bash
    DESTINATION ${SLOTD_BASH_COMPLETION_DIR} RENAME slotctl COMPONENT host)
  install(FILES tools/slotctl/completion/_slotctl
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT host)
  install(FILES tools/slotctl/completion/slotctl.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT host)
endif()

# systemd's own directories, asked of systemd itself but relative to the prefix, so that --prefix moves them too (systemd
# also reads /usr/local/lib). The second argument is where they are when systemd's pkg-config file is not installed.
function(slotd_systemd_dir out variable fallback)
  set(marker /slotd-prefix)
  set(answer "")
  if(SLOTD_PKG_CONFIG)
    execute_process(
      COMMAND ${SLOTD_PKG_CONFIG} --define-variable=prefix=${marker} --define-variable=rootprefix=${marker}
        --variable=${variable} systemd
      OUTPUT_VARIABLE answer ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  if(answer MATCHES "^${marker}/(.+)$")
    set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
  else()
    set(${out} ${fallback} PARENT_SCOPE)
  endif()
endfunction()
slotd_systemd_dir(SLOTD_UNIT_DIR systemdsystemunitdir lib/systemd/system)
slotd_systemd_dir(SLOTD_SYSUSERS_DIR sysusersdir lib/sysusers.d)
slotd_systemd_dir(SLOTD_CATALOG_DIR catalogdir lib/systemd/catalog)

install(FILES systemd/slotd.sysusers.conf
  DESTINATION ${SLOTD_SYSUSERS_DIR}
  RENAME slotd.conf
  COMPONENT host)
install(FILES systemd/slotd.catalog DESTINATION ${SLOTD_CATALOG_DIR} COMPONENT host)

# Unit and configuration name paths that depend on the prefix, which only --install knows.
install(CODE "
  set(slotd_source_dir \"${PROJECT_SOURCE_DIR}\")
  set(slotd_binary_dir \"${PROJECT_BINARY_DIR}\")
  set(slotd_bin_dir \"${CMAKE_INSTALL_BINDIR}\")
  set(slotd_unit_dir \"${SLOTD_UNIT_DIR}\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_host_files.cmake\")"
  COMPONENT host)

# Licence and documents.
set(slotd_documents LICENSE README.md CHANGELOG.md)
list(TRANSFORM slotd_documents PREPEND ${PROJECT_SOURCE_DIR}/)
foreach(document IN LISTS slotd_documents)
  if(EXISTS ${document})
    install(FILES ${document} DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT host)
  endif()
endforeach()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs)
  install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT host)
endif()
install(FILES systemd/slotd-worker.conf systemd/slotd-livekit-example.yaml
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT host)

include(SlotdPackages)
