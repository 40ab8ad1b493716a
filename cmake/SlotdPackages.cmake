# Debian packages by CPack, from the components of SlotdInstall: `slotd` (host) and `libslotd-dev` (dev).
#   cmake --preset release && cmake --build --preset release && (cd build/release && cpack)
# lays slotd_VERSION_ARCH.deb and libslotd-dev_VERSION_all.deb into build/release/packages.
# Another generator than DEB would need maintainer scripts of its own; none is offered.
set(packaging_dir ${PROJECT_SOURCE_DIR}/cmake/debian)
set(generated_dir ${PROJECT_BINARY_DIR}/debian)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME slotd)
set(CPACK_PACKAGE_VENDOR "slotd developers")
set(SLOTD_PACKAGE_CONTACT "slotd developers <maintainers@slotd.example>" CACHE STRING
  "Who is named as the packages' maintainer")
set(CPACK_PACKAGE_CONTACT ${SLOTD_PACKAGE_CONTACT})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "node-local quota broker for worker processes")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
# Everything under /usr, the configuration under /etc: absolute places need DESTDIR.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_COMPONENTS_ALL host dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_HOST_PACKAGE_NAME slotd)
set(CPACK_DEBIAN_HOST_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_HOST_PACKAGE_SHLIBDEPS ON)
# systemd-sysusers makes the user before the first file of the package is used.
set(CPACK_DEBIAN_HOST_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_HOST_DESCRIPTION "The broker slotd, the command line slotctl, and the systemd unit.
Worker processes of all services on one host claim slots from one exact
ledger in shared memory: limits by type and group, a CPU budget, memory.
A slot is tied to the life of the process that uses it; the kernel itself
says when it died.")
set(CPACK_DEBIAN_HOST_PACKAGE_CONTROL_EXTRA
  ${packaging_dir}/postinst ${packaging_dir}/prerm ${packaging_dir}/postrm ${packaging_dir}/conffiles)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libslotd-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libboost-dev (>= 1.74) | libboost1.81-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS slotd)
set(CPACK_DEBIAN_DEV_DESCRIPTION "The header-only C++20 client for workers, with its CMake package and
pkg-config file. The client is compiled into the worker: one of another
segment layout than the broker's is refused at attach and has to be built
anew.")

# What Debian wants beside the files: changelog and copyright, in the folder of each package's name.
string(TIMESTAMP packaging_date "%a, %d %b %Y 00:00:00 +0000" UTC)
foreach(package IN ITEMS slotd libslotd-dev)
  set(PACKAGE ${package})
  configure_file(${packaging_dir}/changelog.in ${generated_dir}/${package}/changelog.Debian @ONLY)
endforeach()
find_program(SLOTD_GZIP gzip)
foreach(pair IN ITEMS "host:slotd" "dev:libslotd-dev")
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  if(SLOTD_GZIP)
    execute_process(COMMAND ${SLOTD_GZIP} -9nf ${generated_dir}/${package}/changelog.Debian)
    install(FILES ${generated_dir}/${package}/changelog.Debian.gz
      DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
  endif()
  install(FILES ${packaging_dir}/copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
endforeach()
include(CPack)
