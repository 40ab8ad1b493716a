# Everything lands where a Debian host looks for it, a prefix moves it, and a changed configuration is kept.
# Given: source_dir, build_dir.
cmake_minimum_required(VERSION 3.25)
set(root ${build_dir}/consumer/install)
file(REMOVE_RECURSE ${root})

function(expect_file path)
  if(NOT EXISTS ${path})
    message(SEND_ERROR "not installed: ${path}")
  endif()
endfunction()
function(expect_line path text)
  file(STRINGS ${path} lines)
  if(NOT text IN_LIST lines)
    message(SEND_ERROR "${path}: no line '${text}'")
  endif()
endfunction()
function(install_to destdir prefix)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env DESTDIR=${destdir}
    ${CMAKE_COMMAND} --install ${build_dir} --prefix ${prefix}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(expect_all prefix etc)
  foreach(path IN ITEMS
      bin/slotd bin/slotctl include/slotd/client.hpp include/slotd/layout.hpp share/cmake/slotd/slotdConfig.cmake
      share/pkgconfig/slotd.pc lib/systemd/system/slotd.service lib/sysusers.d/slotd.conf
      share/bash-completion/completions/slotctl share/zsh/site-functions/_slotctl
      share/fish/vendor_completions.d/slotctl.fish lib/systemd/catalog/slotd.catalog
      share/doc/slotd/LICENSE share/doc/slotd/README.md share/doc/slotd/examples/slotd-worker.conf
      share/doc/slotd/examples/slotd-livekit-example.yaml)
    expect_file(${prefix}/${path})
  endforeach()
  expect_file(${etc}/slotd/slotd.yaml)
  find_program(SCDOC scdoc)
  if(SCDOC)
    foreach(page IN ITEMS man1/slotctl.1 man8/slotd.8 man5/slotd.yaml.5 man7/slotd.7)
      if(NOT EXISTS ${prefix}/share/man/${page})
        expect_file(${prefix}/share/man/${page}.gz)
      endif()
    endforeach()
  endif()
endfunction()

# As a package: the unit is the one of the repository, to the byte.
install_to(${root}/package /usr)
expect_all(${root}/package/usr ${root}/package/etc)
file(READ ${source_dir}/systemd/slotd.service ours)
file(READ ${root}/package/usr/lib/systemd/system/slotd.service installed)
if(NOT ours STREQUAL installed)
  message(SEND_ERROR "the installed unit is not the one of the repository")
endif()

# Again, over a configuration that an operator has changed.
file(WRITE ${root}/package/etc/slotd/slotd.yaml "# mine\n")
install_to(${root}/package /usr)
expect_line(${root}/package/etc/slotd/slotd.yaml "# mine")
expect_file(${root}/package/etc/slotd/slotd.yaml.new)

# By hand, under another prefix: the unit follows.
install_to("" ${root}/opt)
expect_all(${root}/opt ${root}/opt/etc)
expect_line(${root}/opt/lib/systemd/system/slotd.service
  "ExecStart=${root}/opt/bin/slotd --config ${root}/opt/etc/slotd/slotd.yaml")
expect_line(${root}/opt/lib/systemd/system/slotd.service "ExecReload=${root}/opt/bin/slotctl reload --wait")
