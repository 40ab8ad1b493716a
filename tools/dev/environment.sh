# shellcheck shell=bash
# Sourced by the developers' scripts: goes to the root of the repository and evens out the differences between a
# terminal, a container without HOME and a CI machine. Changes the caller's directory and environment, nothing on disk.

slotd_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$slotd_root" || exit
export LC_ALL=C.UTF-8

# How many compilers or tests at once. Two at least: most tests wait more than they compute.
slotd_jobs=$(nproc 2>/dev/null || echo 2)
if ((slotd_jobs < 2)); then
  slotd_jobs=2
fi

# ccache is used where it is installed. Two clones of the same state share their results; without a home directory the
# cache lies in the build directory.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$slotd_root}
export CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
if [[ -z ${HOME:-} && -z ${CCACHE_DIR:-} ]]; then
  export CCACHE_DIR=$slotd_root/build/ccache
fi

# Configures and builds one preset. Everything goes to stderr: stdout belongs to what is run afterwards.
slotd_build() {
  local preset=$1
  shift
  cmake --preset "$preset" >&2 &&
    cmake --build --preset "$preset" --parallel "$slotd_jobs" "$@" >&2
}

# The source files of the given folders, one a line; all rooms if none is given.
slotd_sources() {
  local folder
  if (($# == 0)); then
    set -- include client broker tools tests
  fi
  for folder; do
    if [[ -d $folder ]]; then
      find "$folder" -type f \( -name '*.hpp' -o -name '*.cpp' \)
    fi
  done | sort
}
