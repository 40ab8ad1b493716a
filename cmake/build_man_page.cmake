# One manual page. Given: scdoc, source, page. scdoc writes the date of the build into the page unless it is told one: the
# same source always gives the same page.
set(ENV{SOURCE_DATE_EPOCH} 0)
execute_process(COMMAND ${scdoc} INPUT_FILE ${source} OUTPUT_FILE ${page} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  file(REMOVE ${page})
  message(FATAL_ERROR "${source}: scdoc refused it")
endif()
