# Builds and runs the worker of this folder from outside.
# Given: way (find_package, add_subdirectory or pkg_config), source_dir, build_dir, compiler, launcher.
cmake_minimum_required(VERSION 3.25)
set(work_dir ${build_dir}/consumer/${way})
file(REMOVE_RECURSE ${work_dir})
file(MAKE_DIRECTORY ${work_dir})

function(run)
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${work_dir} COMMAND_ECHO STDOUT RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${way}: failed with ${status}")
  endif()
endfunction()

if(NOT way STREQUAL "add_subdirectory")
  run(${CMAKE_COMMAND} --install ${build_dir} --component dev --prefix ${work_dir}/prefix)
endif()

if(way STREQUAL "pkg_config")
  find_program(pkg_config pkg-config REQUIRED)
  set(ENV{PKG_CONFIG_PATH} ${work_dir}/prefix/share/pkgconfig)
  execute_process(COMMAND ${pkg_config} --cflags --libs slotd OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(here ${source_dir}/tests/consumer)
  run(${compiler} -std=c++20 ${here}/worker.cpp ${here}/second_unit.cpp ${flags} -o worker)
else()
  run(${CMAKE_COMMAND} -G Ninja -S ${source_dir}/tests/consumer/${way} -B ${work_dir}
    -DCMAKE_CXX_COMPILER=${compiler} -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}
    -DCMAKE_PREFIX_PATH=${work_dir}/prefix -DSLOTD_SOURCE_DIR=${source_dir})
  run(${CMAKE_COMMAND} --build ${work_dir})
endif()
run(${work_dir}/worker)
