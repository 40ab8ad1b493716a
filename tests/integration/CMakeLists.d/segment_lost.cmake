# What becomes of the slots when the segment's file is damaged or taken away.
slotd_add_test(LABEL integration NAME segment_lost
  SOURCES segment_lost_test.cpp segment_lost_untold_test.cpp
  LIBRARIES slotd::client slotd_broker DEPENDS slotd slotctl slotd_test_worker)
if(TARGET slotctl)
  find_package(nlohmann_json 3.11 REQUIRED)
  slotd_add_test(LABEL integration NAME segment_attack SOURCES segment_attack_test.cpp
    LIBRARIES slotd::client nlohmann_json::nlohmann_json DEPENDS slotd slotctl slotd_test_worker)
endif()
