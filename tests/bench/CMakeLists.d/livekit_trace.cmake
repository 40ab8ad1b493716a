# Builds with tests have it already: a unit test runs a short trace.
if(NOT TARGET slotd-livekit-trace)
  add_subdirectory(livekit_trace)
endif()
