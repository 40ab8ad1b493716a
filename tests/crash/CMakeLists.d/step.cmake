# Single-stepped processes. Not under a sanitizer, whose own instructions would be stepped, and on x86-64 alone.
if(SLOTD_SANITIZE STREQUAL "" AND TARGET slotd_broker AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(slotd_step_core faults.cpp operations.cpp rig.cpp runner.cpp tracee.cpp verify.cpp)
  set(slotd_step_operations
    broker_operations.cpp claim_operations.cpp entry_pairs.cpp ledger_pairs.cpp pair_operations.cpp step_operations.cpp
    wait_operations.cpp)

  add_library(slotd_step STATIC ${slotd_step_core} ${slotd_step_operations})
  target_include_directories(slotd_step PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(slotd_step PUBLIC slotd::client slotd_broker PRIVATE slotd_warnings)
  slotd_add_test_program(NAME slotd_step_harness SOURCES step_main.cpp LIBRARIES slotd_step)

  # The same program against headers with one deliberate bug each and with the one list of operations that shows it;
  # compiled in one piece, as nothing of it is ever changed alone. The broker's parts that it uses are compiled along:
  # they must see the same headers.
  set(slotd_step_broker_parts
    ${PROJECT_SOURCE_DIR}/broker/ledger/publish.cpp ${PROJECT_SOURCE_DIR}/broker/liveness/pid_translate.cpp
    ${PROJECT_SOURCE_DIR}/broker/liveness/watch_list.cpp ${PROJECT_SOURCE_DIR}/broker/segment/format.cpp)
  file(GLOB slotd_step_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/slotd/*.hpp)
  set(slotd_step_programs slotd_step_harness)
  function(slotd_add_step_fault fault list file)
    set(target slotd_step_${fault})
    set(mutated ${CMAKE_CURRENT_BINARY_DIR}/seeded/${fault})
    add_custom_command(OUTPUT ${mutated}/made
      COMMAND ${CMAKE_COMMAND} -DFAULT=${fault} -DFROM_DIR=${PROJECT_SOURCE_DIR}/include/slotd
        -DTO_DIR=${mutated}/slotd -P ${CMAKE_CURRENT_SOURCE_DIR}/seeded_faults.cmake
      COMMAND ${CMAKE_COMMAND} -E touch ${mutated}/made
      DEPENDS ${slotd_step_headers} ${CMAKE_CURRENT_SOURCE_DIR}/seeded_faults.cmake
      COMMENT "Seeding ${fault}"
      VERBATIM)
    add_custom_target(${target}_headers DEPENDS ${mutated}/made)
    add_executable(${target} ${slotd_step_core} ${file} ${slotd_step_broker_parts} step_main.cpp)
    add_dependencies(${target} ${target}_headers)
    target_compile_definitions(${target} PRIVATE SLOTD_STEP_LIST=${list})
    target_include_directories(${target} PRIVATE ${mutated} ${PROJECT_SOURCE_DIR}/client ${PROJECT_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE Boost::headers Threads::Threads slotd_warnings)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    set(slotd_step_programs ${slotd_step_programs} ${target} PARENT_SCOPE)
  endfunction()
  slotd_add_step_fault(free_before_proof list_claims claim_operations.cpp)
  slotd_add_step_fault(skipped_generation list_pairs pair_operations.cpp)
  slotd_add_step_fault(publish_after_scan list_pairs pair_operations.cpp)
  slotd_add_step_fault(entry_reused_early list_entry_pairs entry_pairs.cpp)
  slotd_add_step_fault(mark_without_wake list_steps step_operations.cpp)

  slotd_add_test(LABEL crash NAME step SOURCES step_test.cpp LIBRARIES slotd_step
    DEPENDS ${slotd_step_programs} TIMEOUT 600)
endif()
