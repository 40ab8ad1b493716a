# What the host and the owners' processes use: texts, trees of fixtures, real children.
if(TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME host
    SOURCES
      host_cgroup_test.cpp
      host_external_test.cpp
      host_proc_parse_test.cpp
      host_real_test.cpp
      host_sampler_test.cpp
      host_tree_test.cpp
    LIBRARIES slotd_broker slotd::client)
  set_source_files_properties(capacity_parse_test.cpp host_sampler_test.cpp PROPERTIES
    COMPILE_DEFINITIONS "SLOTD_HOST_FIXTURES=\"${CMAKE_CURRENT_SOURCE_DIR}/fixtures/host\"")
endif()
