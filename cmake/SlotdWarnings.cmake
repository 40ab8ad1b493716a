# slotd_warnings: the warnings that every target of this repository is built with. Link it PRIVATE; it is not exported,
# so a worker that includes the client keeps its own warnings.
add_library(slotd_warnings INTERFACE)
target_compile_options(slotd_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow
  $<$<BOOL:${SLOTD_WERROR}>:-Werror>)
# g++ 12 at -O3 takes "text" + std::string for overlapping copies (GCC bug 105329): shown, not an error.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(slotd_warnings INTERFACE -Wno-error=restrict)
endif()
