# The Debian packages: what is in them, what lintian says, and a worker built against what libslotd-dev holds.
# Given: source_dir, build_dir, compiler.
cmake_minimum_required(VERSION 3.25)
set(work_dir ${build_dir}/consumer/packages)
file(REMOVE_RECURSE ${work_dir})
file(MAKE_DIRECTORY ${work_dir})

# ctest takes a line with this word for a skipped test.
foreach(program IN ITEMS dpkg-deb dpkg-shlibdeps)
  find_program(found_${program} ${program})
  if(NOT found_${program})
    message(STATUS "SKIPPED: ${program} is missing")
    return()
  endif()
endforeach()

get_filename_component(cmake_dir ${CMAKE_COMMAND} DIRECTORY)
execute_process(COMMAND ${cmake_dir}/cpack -G DEB -B ${work_dir} -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip
  WORKING_DIRECTORY ${build_dir} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB host_package ${work_dir}/slotd_*.deb)
file(GLOB dev_package ${work_dir}/libslotd-dev_*_all.deb)

function(expect_control package field expected)
  execute_process(COMMAND ${found_dpkg-deb} -f ${package} ${field} OUTPUT_VARIABLE seen
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  if(NOT seen MATCHES "${expected}")
    message(SEND_ERROR "${package}: ${field} is '${seen}', not '${expected}'")
  endif()
endfunction()
expect_control(${host_package} Package "^slotd$")
expect_control(${host_package} Depends "systemd.*libsystemd0.*libyaml-cpp")
expect_control(${dev_package} Package "^libslotd-dev$")
expect_control(${dev_package} Architecture "^all$")
expect_control(${dev_package} Depends "^libboost-dev")

execute_process(COMMAND ${found_dpkg-deb} -R ${host_package} ${work_dir}/host COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${found_dpkg-deb} -R ${dev_package} ${work_dir}/dev COMMAND_ERROR_IS_FATAL ANY)
foreach(path IN ITEMS
    host/DEBIAN/postinst host/DEBIAN/prerm host/DEBIAN/postrm host/usr/bin/slotd host/usr/bin/slotctl
    host/etc/slotd/slotd.yaml host/usr/lib/systemd/catalog/slotd.catalog host/usr/lib/sysusers.d/slotd.conf
    dev/usr/include/slotd/client.hpp dev/usr/include/slotd/layout.hpp dev/usr/share/pkgconfig/slotd.pc
    dev/usr/share/cmake/slotd/slotdConfig.cmake)
  if(NOT EXISTS ${work_dir}/${path})
    message(SEND_ERROR "not packed: ${path}")
  endif()
endforeach()
file(GLOB_RECURSE units ${work_dir}/host/*slotd.service)
list(LENGTH units unit_count)
if(NOT unit_count EQUAL 1)
  message(SEND_ERROR "one unit is wanted, packed are: ${units}")
endif()
file(READ ${work_dir}/host/DEBIAN/conffiles conffiles)
if(NOT conffiles STREQUAL "/etc/slotd/slotd.yaml\n")
  message(SEND_ERROR "conffiles: ${conffiles}")
endif()
# Headers are in the one, programs in the other.
if(EXISTS ${work_dir}/host/usr/include OR EXISTS ${work_dir}/dev/usr/bin)
  message(SEND_ERROR "the two packages are mixed up")
endif()

find_program(lintian lintian)
if(lintian)
  execute_process(COMMAND ${lintian} --fail-on error --allow-root ${host_package} ${dev_package}
    COMMAND_ERROR_IS_FATAL ANY)
else()
  message(STATUS "lintian is not installed: not asked")
endif()

find_program(pkg_config pkg-config REQUIRED)
set(ENV{PKG_CONFIG_PATH} ${work_dir}/dev/usr/share/pkgconfig)
execute_process(COMMAND ${pkg_config} --cflags --libs slotd OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY
  OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(flags UNIX_COMMAND "${flags}")
set(here ${source_dir}/tests/consumer)
execute_process(COMMAND ${compiler} -std=c++20 ${here}/worker.cpp ${here}/second_unit.cpp ${flags} -o ${work_dir}/worker
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${work_dir}/worker COMMAND_ERROR_IS_FATAL ANY)
