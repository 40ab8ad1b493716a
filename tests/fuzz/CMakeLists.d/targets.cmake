# The fuzz targets. In the fuzz preset (clang, libFuzzer) each file of targets/ is a program fuzz_NAME; everywhere else
# they are one test that replays the stored inputs. tools/dev/fuzz runs them.
option(SLOTD_FUZZ "Build the fuzz targets as libFuzzer programs (clang; set by the preset)" OFF)

set(slotd_fuzz_targets config display hosttext segment token units words)
if(TARGET slotd_broker AND TARGET slotd_ctl AND SLOTD_FUZZ)
  add_custom_target(slotd_fuzz)
  foreach(name IN LISTS slotd_fuzz_targets)
    add_executable(fuzz_${name} targets/${name}.cpp)
    if(name MATCHES "^(segment|display)$")
      target_sources(fuzz_${name} PRIVATE support/still_world.cpp)
    endif()
    target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(fuzz_${name} PRIVATE
      slotd_broker slotd_ctl slotd_heap_segment slotd_warnings ${CMAKE_DL_LIBS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(slotd_fuzz fuzz_${name})
  endforeach()
elseif(TARGET slotd_broker AND TARGET slotd_ctl)
  set(slotd_fuzz_sources)
  foreach(name IN LISTS slotd_fuzz_targets)
    list(APPEND slotd_fuzz_sources targets/${name}.cpp)
    set_source_files_properties(targets/${name}.cpp PROPERTIES
      COMPILE_DEFINITIONS "LLVMFuzzerTestOneInput=fuzz_${name}")
  endforeach()
  slotd_add_test(LABEL fuzz NAME targets
    SOURCES targets_test.cpp support/still_world.cpp ${slotd_fuzz_sources}
    LIBRARIES slotd_broker slotd_ctl slotd_heap_segment ${CMAKE_DL_LIBS}
    DEFINITIONS SLOTD_CORPUS="${CMAKE_CURRENT_SOURCE_DIR}/corpus"
    TIMEOUT 300)
endif()

# Random words into the segment of a broker that runs, and every verb of slotctl on it.
if(TARGET slotd AND TARGET slotctl AND NOT SLOTD_FUZZ)
  find_package(nlohmann_json 3.11 REQUIRED)
  slotd_add_test(LABEL fuzz NAME live_scribbler
    SOURCES live_scribbler_test.cpp
    LIBRARIES slotd::protocol nlohmann_json::nlohmann_json util
    DEPENDS slotd slotctl
    TIMEOUT 300)
endif()
