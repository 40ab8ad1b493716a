# bash completion for slotctl. What can stand where is asked of slotctl itself.

# Where the package bash-completion is not loaded: "--type=web" is three words to readline, and one to slotctl.
_slotctl_words() {
  local i
  words=() cword=0
  for i in "${!COMP_WORDS[@]}"; do
    if ((i > 1)) && [[ ${COMP_WORDS[i]} == "=" || ${COMP_WORDS[i - 1]} == "=" ]]; then
      words[${#words[@]} - 1]+=${COMP_WORDS[i]}
    else
      words+=("${COMP_WORDS[i]}")
    fi
    if ((i == COMP_CWORD)); then
      cword=$((${#words[@]} - 1))
    fi
  done
  cur=${words[cword]}
}

_slotctl() {
  local cur words cword line
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n =: cur words cword
  else
    _slotctl_words
  fi
  local program=${words[0]/#\~\//$HOME/}
  type -P "$program" >/dev/null || program=slotctl
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files)
        compopt -o filenames
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${cur#--*=}")
        ;;
      :nospace) compopt -o nospace ;;
      :command*)
        if declare -F _command_offset >/dev/null; then
          _command_offset "$((${line#:command } + 1))"
        elif ((cword == ${line#:command } + 1)); then
          mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else
          compopt -o default
        fi
        ;;
      *)
        line=${line%%$'\t'*}
        # Readline replaces what stands behind the last '=' alone.
        if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
          line=${line#"${cur%%=*}="}
        fi
        COMPREPLY+=("$line")
        ;;
    esac
  done < <("$program" __complete "$((cword - 1))" -- "${words[@]:1}" 2>/dev/null)
}

complete -F _slotctl slotctl
