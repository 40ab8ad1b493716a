# How this repository builds itself (top level only; a project that embeds the client decides for itself).

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

find_program(SLOTD_CCACHE ccache)
if(SLOTD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SLOTD_CCACHE})
endif()

# The library's own bounds checks, where speed is not the point.
add_compile_definitions($<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

# Symbols are bound at start: no lazy resolver runs inside a claim, neither in production nor under the single-stepping
# crash tests, which count instructions.
add_link_options(-Wl,-z,relro,-z,now)

if(SLOTD_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  # With the sanitizers' own code in between, g++ 12 takes members of std::regex for uninitialised. The other presets
  # keep the warning.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
elseif(SLOTD_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
  # g++ warns that its TSan does not model fences. That can only make it report too much, never too little, and a
  # report is looked at anyway; the warning itself, as an error, would forbid every fence.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
elseif(NOT SLOTD_SANITIZE STREQUAL "")
  message(FATAL_ERROR "SLOTD_SANITIZE is '${SLOTD_SANITIZE}'; it may be empty, address or thread")
endif()
