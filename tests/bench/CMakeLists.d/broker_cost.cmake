# What the broker costs while it does its duty.
add_executable(slotd-broker-cost ${CMAKE_CURRENT_SOURCE_DIR}/broker_cost_main.cpp)
target_include_directories(slotd-broker-cost PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(slotd-broker-cost PRIVATE slotd::client slotd_warnings)
add_dependencies(slotd-broker-cost slotd)
