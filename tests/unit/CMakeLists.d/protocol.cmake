# The protocol on heap segments. The two broker sources write segments and need nothing but include/.
add_library(slotd_heap_segment STATIC
  ${PROJECT_SOURCE_DIR}/broker/segment/format.cpp
  ${PROJECT_SOURCE_DIR}/broker/ledger/publish.cpp)
target_include_directories(slotd_heap_segment PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(slotd_heap_segment PUBLIC slotd::client PRIVATE slotd_warnings)

slotd_add_test(LABEL unit NAME protocol
  SOURCES slot_word_test.cpp token_test.cpp admission_test.cpp segment_view_test.cpp
  LIBRARIES slotd_heap_segment)
slotd_add_test(LABEL unit NAME claim
  SOURCES claim_test.cpp claim_conflict_test.cpp slot_table_test.cpp ledger_test.cpp
  LIBRARIES slotd_heap_segment)
slotd_add_test(LABEL unit NAME process_table
  SOURCES process_table_test.cpp process_probe_test.cpp
  LIBRARIES slotd_heap_segment)
slotd_add_test(LABEL unit NAME claim_threads
  SOURCES claim_threads_test.cpp
  LIBRARIES slotd_heap_segment TSAN)
if(TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME broker
    SOURCES plan_test.cpp capacity_parse_test.cpp reload_place_test.cpp
    LIBRARIES slotd_broker slotd::client)
endif()
