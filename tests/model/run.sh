#!/usr/bin/env bash
# Runs the Promela models and their mutants. One line a run: what, states, depth, errors, seconds, MiB, verdict.
#
#   run.sh [--long] [--list] [NAME...]     NAME is the first column; without one all of the default set, with --long also the large
# Environment: SLOTD_MODEL_DIR (where to work, default a temporary directory), CC (default cc).
# Exit status: 0 all as expected, 1 something is not, 77 spin or a C compiler is missing.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)

# NAME | SET | MODEL | SPIN OPTIONS | SEARCH | EXPECTED
#   SET      default or long
#   SEARCH   safety: every state, compressed; fair: non-progress cycles under weak fairness, every state;
#            bitstate: a partial search of what is too large, named as such in the output
#   EXPECTED ok, or the part of the error that this mutant must give
table() { cat <<'TABLE'
rule-2            | default | rule | -DNP=2 -DLIM=1 | safety | ok
rule-2-release    | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DCLAIMING | safety | ok
rule-2-step0      | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DSTEP0 | safety | ok
rule-2-mark       | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DCLAIMING -DHWM | safety | ok
rule-2-mark-direct| default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DHWM | safety | ok
rule-2-stop       | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DCLAIMING -DSTOP | safety | ok
rule-2-die        | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DDIE -DLIVE | safety | ok
rule-2-die-bound  | long | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DDIE | safety | ok
rule-2-die-claim  | default | rule | -DNP=2 -DLIM=1 -DREL -DCLAIMING -DDIE -DSTOP | safety | ok
rule-2-fair       | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DLIVE | fair | ok
rule-2-fair-stop  | default | rule | -DNP=2 -DLIM=1 -DREL -DNCL=2 -DLIVE -DSTOP | fair | ok
rule-3            | default | rule | -DNP=3 -DLIM=2 -DLIVE | safety | ok
rule-3-one        | default | rule | -DNP=3 -DLIM=1 -DLIVE | safety | ok
rule-3-heavy      | default | rule | -DNP=3 -DLIM=2 -DLIVE -DHEAVY | safety | ok
rule-3-stop       | default | rule | -DNP=3 -DLIM=2 -DLIVE -DSTOP -DLOWEST | safety | ok
rule-3-fair       | default | rule | -DNP=3 -DLIM=2 -DLIVE | fair | ok
rule-3-fair-stop  | default | rule | -DNP=3 -DLIM=2 -DLIVE -DSTOP -DLOWEST | fair | ok
rule-3-fair-stop-any | long | rule | -DNP=3 -DLIM=2 -DLIVE -DSTOP | fair | ok
rule-3-fair-one   | long | rule | -DNP=3 -DLIM=1 -DLIVE | fair | ok
rule-3-fair-heavy | long | rule | -DNP=3 -DLIM=2 -DLIVE -DHEAVY -DSTOP | fair | ok
rule-3-die-room   | default | rule | -DNP=3 -DLIM=2 -DLIVE -DDIE -DLOWEST | safety | ok
rule-3-die        | long | rule | -DNP=3 -DLIM=1 -DLIVE -DSTOP -DDIE -DLOWEST | safety | ok
rule-3-release    | long | rule | -DNP=3 -DLIM=2 -DLIVE -DREL -DLOWEST | safety | ok
rule-3-bound      | long | rule | -DNP=3 -DLIM=2 -DKF=1 | bitstate | ok
rule-3-bound-stop | long | rule | -DNP=3 -DLIM=2 -DKF=1 -DSTOP -DLOWEST | bitstate | ok
rule-3-bound-all  | long | rule | -DNP=3 -DLIM=2 -DREL -DNCL=2 -DDIE -DCLAIMING -DHWM | bitstate | ok
rule-4            | long | rule | -DNP=4 -DLIM=2 -DLIVE -DLOWEST | bitstate | ok
table-3           | default | table | -DNP=3 -DNS=2 | safety | ok
table-3-release   | default | table | -DNP=3 -DNS=2 -DREL | safety | ok
table-3-stop      | default | table | -DNP=3 -DNS=2 -DREL -DSTOP | safety | ok
table-2-fair-stop | default | table | -DNP=2 -DNS=1 -DLIVE -DSTOP | fair | ok
table-3-fair-stop | default | table | -DNP=3 -DNS=2 -DLIVE -DSTOP | fair | ok
key-3             | default | key | | safety | ok
key-3-field-first | default | key | -DFIELD_FIRST | safety | ok
key-3-die         | default | key | -DDIE | safety | ok
key-3-fair        | default | key | | fair | ok
key-3-wide        | long | key | -DNS=3 -DDIE | safety | ok
transfer          | default | transfer | -DONE_DIES | safety | ok
transfer-2        | default | transfer | -DNREC=2 -DNW=1 -DONE_DIES | safety | ok
transfer-2-no-look | default | transfer | -DNREC=2 -DNW=1 -DONE_DIES -DNO_ATTACH_CHECK | safety | ok
transfer-all-die  | long | transfer | | safety | ok
transfer-more     | long | transfer | -DOPS=3 -DOPS_REST=2 | bitstate | ok
transfer-2-all    | long | transfer | -DNREC=2 | bitstate | ok
epochs            | default | epochs | | safety | ok
epochs-fair       | default | epochs | -DLAST=2 | fair | ok
epochs-more       | long | epochs | -DLAST=4 -DKILLS=1 | safety | ok
wait-3            | default | wait | | safety | ok
wait-3-room       | default | wait | -DLIM=2 -DHOLDERS=1 -DKEEPER=1 -DWHOLE -DCALM | safety | ok
wait-3-late       | default | wait | -DWHOLE -DCALM -DLATE | safety | ok
wait-2-die        | default | wait | -DNP=2 -DDIE -DHOLDER | safety | ok
wait-3-die        | default | wait | -DWHOLE -DCALM -DDIE -DDIER=1 -DRECHECK=1 | safety | ok
wait-3-stop       | default | wait | -DWHOLE -DSTOP -DDIER=1 -DRECHECK=2 | safety | ok
wait-3-room-turns | long | wait | -DLIM=2 -DHOLDERS=1 -DKEEPER=1 -DWHOLE | safety | ok
wait-3-late-turns | long | wait | -DWHOLE -DLATE | safety | ok
wait-3-die-turns  | long | wait | -DWHOLE -DDIE -DRECHECK=1 | safety | ok
wait-3-stop-any   | long | wait | -DWHOLE -DSTOP -DRECHECK=2 | safety | ok
wait-4            | long | wait | -DNP=4 -DLIM=2 -DWHOLE -DCALM | bitstate | ok
not-scan-first    | default | rule | -DNP=2 -DM_SCAN_FIRST | safety | zall<=1
not-unconfirmed   | default | rule | -DNP=3 -DLIM=2 -DLIVE -DREL -DNCL=2 -DM_NO_CONFIRM | safety | saw_full
not-any-tentative | default | rule | -DNP=2 -DM_ANY_TENTATIVE | safety | saw_busy
not-any-noted     | default | rule | -DNP=3 -DLIM=2 -DKF=1 -DSTOP -DM_ANY_NOTED | safety | won
not-one-look      | default | rule | -DNP=3 -DLIM=2 -DKF=1 -DM_ONE_LOOK | safety | won
not-without-proof | default | rule | -DNP=2 -DM_NO_PROOF | safety | won
not-same-generation | default | rule | -DNP=3 -DLIM=2 -DLIVE -DLOWEST -DREL -DNCL=2 -DM_NO_GENERATION | safety | saw_full
not-blind-store   | default | rule | -DNP=2 -DREL -DNCL=2 -DDIE -DM_BLIND_RETRACT | safety | mark
not-without-presence | default | rule | -DNP=2 -DDIE -DM_NO_PRESENCE | safety | saw_full
not-words-anew    | default | rule | -DNP=2 -DREL -DNCL=2 -DDIE -DM_LOOK_ANEW | safety | saw_full
not-mark-late     | default | rule | -DNP=2 -DHWM -DCLAIMING -DM_MARK_LATE | safety | zall<=1
not-mark-late-direct | default | rule | -DNP=2 -DHWM -DM_MARK_LATE | safety | zall<=1
not-mark-early    | default | rule | -DNP=2 -DHWM -DCLAIMING -DM_MARK_EARLY | safety | zall<=1
not-without-order | default | rule | -DNP=2 -DLIVE -DM_NO_ORDER | fair | non-progress
not-stuck-ordered | default | rule | -DNP=3 -DLIM=2 -DLIVE -DSTOP -DM_STUCK_ORDERS | fair | non-progress
not-rounds        | default | rule | -DNP=3 -DLIM=2 -DLIVE -DSTOP -DM_STUCK_ORDERS -DROUNDS=2 | safety | won
not-heavy-bound   | default | rule | -DNP=3 -DLIM=2 -DHEAVY -DHEAVY_STRICT -DKF=1 | safety | zall
not-claiming-unnoted | default | table | -DNP=2 -DNS=1 -DLIVE -DSTOP -DM_CLAIMING_UNNOTED | fair | non-progress
not-one-pass      | default | table | -DNP=3 -DNS=2 -DREL -DM_ONE_PASS | safety | saw_table
not-field-once    | default | key | -DM_FIELD_ONCE | safety | saw_key
not-key-unconfirmed | default | key | -DM_NO_CONFIRM | safety | saw_key
not-reap-claiming | default | key | -DDIE -DM_REAP_CLAIMING | safety | zn<=1
not-transfer-proof | default | transfer | -DM_NO_PROOF | safety | marked
not-hazard-unwaited | default | transfer | -DM_NO_HAZARD_WAIT | safety | seat
not-hazard-late   | default | transfer | -DM_HAZARD_LATE | safety | seat
not-offer-first   | default | transfer | -DM_OFFER_FIRST | safety | seat
not-hazard-marked | default | transfer | -DM_HAZARD_OF_MARKED | safety | tenant
not-recycle-marked | default | transfer | -DM_RECYCLE_MARKED | safety | seat
not-sweep-unchecked | default | transfer | -DNREC=2 -DM_SWEEP_UNCHECKED | safety | marked
not-recycler-clears | long | transfer | -DNREC=2 -DM_RECYCLER_CLEARS | safety | seat
not-transfer-generation | default | transfer | -DNREC=2 -DNW=1 -DONE_DIES -DM_NO_GENERATION | safety | marked
not-before-only   | default | epochs | -DM_BEFORE_ONLY | safety | got
not-read-unfenced | default | epochs | -DM_NO_READ_FENCE | safety | got
not-flip-unfenced | default | epochs | -DM_NO_FLIP_FENCE | safety | got
not-fill-live     | default | epochs | -DM_FILL_LIVE | safety | got
not-one-epoch     | default | epochs | -DM_ONE_EPOCH | safety | got
not-flip-first    | default | epochs | -DM_FLIP_FIRST | safety | got
not-trust-idle    | default | epochs | -DM_TRUST_IDLE | safety | got
not-bit-late      | default | wait | -DM_BIT_LATE | safety | rechecks
not-load-first    | default | wait | -DM_NO_BARRIER | safety | rechecks
not-tell-first    | default | wait | -DM_TELL_FIRST | safety | rechecks
not-count-late    | default | wait | -DM_COUNT_LATE | safety | rechecks
not-clear-blind   | default | wait | -DM_CLEAR_BLIND | safety | rechecks
not-leave-unserved | default | wait | -DLIM=2 -DHOLDERS=1 -DKEEPER=1 -DWHOLE -DCALM -DM_LEAVE_UNSERVED | safety | rechecks
not-turn-unseen   | default | wait | -DM_TURN_UNSEEN | safety | rechecks
not-keep-turn     | default | wait | -DWHOLE -DCALM -DLATE -DM_KEEP_TURN | safety | rechecks
not-tell-no-wake  | default | wait | -DM_TELL_NO_WAKE | safety | rechecks
not-past-mark     | default | wait | -DNP=2 -DDIE -DHOLDER -DM_PAST_MARK | safety | rechecks
not-unwatched     | default | wait | -DNP=2 -DDIE -DHOLDER -DM_NO_WATCH | safety | rechecks
not-endless-turn  | default | wait | -DWHOLE -DSTOP -DCALM -DDIER=1 -DRECHECK=2 | safety | rechecks
TABLE
}

long=0; list=0; names=()
for argument in "$@"; do
  case $argument in
    --long) long=1 ;;
    --list) list=1 ;;
    -h|--help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "run.sh: unknown option $argument" >&2; exit 64 ;;
    *) names+=("$argument") ;;
  esac
done
if [ "$list" = 1 ]; then table | awk -F'|' '{gsub(/ +$/, "", $1); print $1 $2}'; exit 0; fi

cc=${CC:-cc}
for tool in spin "$cc"; do
  command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not installed (Debian package: spin, gcc); the models were not run"; exit 77; }
done
if [ -n "${SLOTD_MODEL_DIR:-}" ]; then work=$SLOTD_MODEL_DIR; mkdir -p "$work"
else work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; fi

trim() { local text=$1; text=${text#"${text%%[! ]*}"}; echo "${text%"${text##*[! ]}"}"; }
# A figure out of pan's report.
figure() { sed -nE "$1" "$2" | head -n 1; }

# NAME MODEL OPTIONS SEARCH EXPECTED
run_one() {
  local name=$1 model=$2 options=$3 search=$4 expected=$5
  local room=$work/$name report verdict compile run
  rm -rf "$room"; mkdir -p "$room"; report=$room/report
  case $search in
    safety)   compile="-DSAFETY -DCOLLAPSE -DMEMLIM=$([ "$long" = 1 ] && echo 12000 || echo 2800)"; run="-m2000000 -w24" ;;
    fair)     compile="-DNP -DNFAIR=5 -DCOLLAPSE -DMEMLIM=$([ "$long" = 1 ] && echo 12000 || echo 2800)"; run="-m2000000 -w24 -l -f" ;;
    bitstate) compile="-DSAFETY -DBITSTATE -DMEMLIM=6000"; run="-m2000000 -w33" ;;
  esac
  # shellcheck disable=SC2086
  if ! (cd "$room" && spin -a $options "$here/$model.pml" >spin.out 2>&1 && $cc -O2 -w -DVECTORSZ=4096 $compile -o pan pan.c); then
    cat "$room/spin.out"; printf '%-26s does not compile\n' "$name"; return 1
  fi
  # shellcheck disable=SC2086
  (cd "$room" && ./pan $run >report 2>&1)
  local error states depth errors seconds memory
  error=$(figure 's/^pan:[0-9]+: (.*) \(at depth.*/\1/p' "$report")
  states=$(figure 's/^ *([0-9.e+]+) states, stored.*/\1/p' "$report"); depth=$(figure 's/.*depth reached ([0-9]+),.*/\1/p' "$report")
  errors=$(figure 's/.*errors: ([0-9]+).*/\1/p' "$report"); seconds=$(figure 's/^pan: elapsed time ([0-9.e+]+) s.*/\1/p' "$report")
  memory=$(figure 's/^ *([0-9.]+)\ttotal actual memory.*/\1/p' "$report")
  if [ "$expected" = ok ]; then
    if [ "${errors:-1}" != 0 ]; then verdict="FAILED: ${error:-no report}"
    elif grep -q 'max search depth too small' "$report"; then verdict="FAILED: search depth too small"
    elif [ "$search" = bitstate ]; then verdict="ok (bitstate: partial)"
    elif grep -q 'Search not completed' "$report"; then verdict="FAILED: not completed"
    else verdict=ok; fi
  else
    case $error in
      *"$expected"*) verdict="ok, fails as it must: $error" ;;
      '') verdict="FAILED: no error found" ;;
      *) verdict="FAILED: another error: $error" ;;
    esac
  fi
  printf '%-26s states %-11s depth %-6s errors %-2s %7s s %7s MiB  %s\n' \
    "$name" "${states:--}" "${depth:--}" "${errors:--}" "${seconds:--}" "${memory%.*}" "$verdict"
  case $verdict in
    FAILED*) echo "  $model.pml $options; trail: spin $options -t -p $here/$model.pml in $room"; return 1 ;;
  esac
  rm -rf "$room"
}

wanted() {
  [ ${#names[@]} -eq 0 ] && return 0
  local pattern
  # shellcheck disable=SC2053  # names are patterns
  for pattern in "${names[@]}"; do [[ $1 == $pattern ]] && return 0; done
  return 1
}

status=0; ran=0
while IFS='|' read -r name set model options search expected; do
  name=$(trim "$name"); set=$(trim "$set")
  wanted "$name" || continue
  [ "$set" = long ] && [ "$long" = 0 ] && continue
  ran=$((ran + 1))
  run_one "$name" "$(trim "$model")" "$(trim "$options")" "$(trim "$search")" "$(trim "$expected")" </dev/null || status=1
done < <(table)
if [ "$ran" = 0 ]; then echo "run.sh: nothing is called that (see --list; large ones need --long)" >&2; exit 64; fi
exit $status
