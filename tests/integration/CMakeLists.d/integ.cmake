# The client and the broker as they are installed, in processes of their own.
set(support ${PROJECT_SOURCE_DIR}/tests/support)
slotd_add_test_program(NAME slotd_test_worker SOURCES ${support}/worker_main.cpp LIBRARIES slotd::client)
slotd_add_test_program(NAME slotd_test_pairs SOURCES ${support}/pairs_main.cpp LIBRARIES slotd::client)

foreach(name IN ITEMS livekit_case slot_life promise_liveness promise_identity broker_restart broker_config
    promise_refusal promise_truth promise_exact promise_nobody_waits promise_hostile_segment
    pid_namespace)
  slotd_add_test(LABEL integration NAME ${name} SOURCES ${name}_test.cpp
    LIBRARIES slotd::client slotd_broker DEPENDS slotd slotd_test_worker)
endforeach()

slotd_add_test(LABEL integration NAME promise_quiet
  SOURCES promise_quiet_test.cpp ${support}/allocation_count.cpp
  LIBRARIES slotd::client DEPENDS slotd slotd_test_worker slotd_test_pairs)
