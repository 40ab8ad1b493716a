slotd_add_test(LABEL property NAME scan SOURCES scan_test.cpp LIBRARIES slotd::client slotd_broker)
slotd_add_test(LABEL property NAME admission SOURCES admission_test.cpp LIBRARIES slotd::protocol)
slotd_add_test(LABEL property NAME text SOURCES text_test.cpp LIBRARIES slotd::protocol)
