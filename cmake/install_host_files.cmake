# Runs inside `cmake --install`: the systemd unit and the configuration, with the paths of the prefix in force.
# Given: slotd_source_dir, slotd_binary_dir, slotd_bin_dir, slotd_unit_dir (the last two relative to the prefix).

# /etc belongs to the whole host: it is not moved by the two prefixes that a host is installed with.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
  set(config_dir /etc/slotd)
else()
  set(config_dir ${CMAKE_INSTALL_PREFIX}/etc/slotd)
endif()

if(EXISTS ${slotd_source_dir}/systemd/slotd.yaml)
  set(config_name slotd.yaml)
  set(installed "$ENV{DESTDIR}${config_dir}/slotd.yaml")
  if(EXISTS "${installed}")
    file(SHA256 "${installed}" theirs)
    file(SHA256 ${slotd_source_dir}/systemd/slotd.yaml ours)
    if(NOT theirs STREQUAL ours)
      set(config_name slotd.yaml.new)
      message(STATUS "Kept: ${installed} (it was changed; the new one is slotd.yaml.new)")
    endif()
  endif()
  file(INSTALL DESTINATION "${config_dir}" TYPE FILE RENAME ${config_name}
    FILES ${slotd_source_dir}/systemd/slotd.yaml)
endif()

file(READ ${slotd_source_dir}/systemd/slotd.service unit)
foreach(program IN ITEMS slotd slotctl)
  string(REPLACE "/usr/bin/${program} " "${CMAKE_INSTALL_PREFIX}/${slotd_bin_dir}/${program} " unit "${unit}")
endforeach()
string(REPLACE "/etc/slotd/" "${config_dir}/" unit "${unit}")
file(WRITE ${slotd_binary_dir}/slotd.service "${unit}")
file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/${slotd_unit_dir}" TYPE FILE
  FILES ${slotd_binary_dir}/slotd.service)
