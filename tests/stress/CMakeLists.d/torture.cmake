# Everything at random, killed at random; the program for long runs, and a test that runs it for a short while.
set(torture ${CMAKE_CURRENT_SOURCE_DIR}/torture)
slotd_add_test_program(NAME slotd_torture
  SOURCES ${torture}/main.cpp ${torture}/driver.cpp ${torture}/verdict.cpp ${torture}/worker.cpp ${torture}/thread.cpp
    ${torture}/exchange.cpp ${torture}/observer.cpp ${torture}/helpers.cpp
  LIBRARIES slotd::client)
slotd_add_test(LABEL stress NAME torture
  SOURCES ${torture}/torture_test.cpp ${torture}/observer.cpp
  LIBRARIES slotd::client DEPENDS slotd slotd_torture TIMEOUT 180 RUN_SERIAL)
