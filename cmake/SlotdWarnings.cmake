# slotd_warnings: the warnings that every target of this repository is built with. Link it PRIVATE; it is not exported,
# so a worker that includes the client keeps its own warnings.
add_library(slotd_warnings INTERFACE)
target_compile_options(slotd_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow
  $<$<BOOL:${SLOTD_WERROR}>:-Werror>)
