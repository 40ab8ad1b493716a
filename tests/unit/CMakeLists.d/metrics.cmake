# What the node tells a monitoring system, and the pages of the broker's HTTP endpoint.
if(TARGET slotd_ctl AND TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME metrics
    SOURCES config_http_test.cpp http_pages_test.cpp metrics_test.cpp
    LIBRARIES slotd_ctl slotd_broker
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
