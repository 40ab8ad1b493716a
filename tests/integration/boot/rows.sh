#!/usr/bin/env bash
# The rows of the boot test; runs as root inside the container that `run` boots, and nowhere else. One line a row:
# ok or FAIL, what was asked, what was seen.
set -uo pipefail
cd /slotd-boot || exit 1
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

passed=0
failed=0
row() { # row NAME STATUS [DETAIL]
  if (($2 == 0)); then
    passed=$((passed + 1))
    printf 'ok    %-66s %s\n' "$1" "${3:-}"
  else
    failed=$((failed + 1))
    printf 'FAIL  %-66s %s\n' "$1" "${3:-}"
  fi
}
same() { # same NAME EXPECTED SEEN
  if [[ $2 == "$3" ]]; then
    row "$1" 0 "$(head -n 1 <<<"$3" | cut -c 1-60)"
  else
    row "$1" 1 "expected '$2', seen '$3'"
  fi
}
holds() { # holds NAME COMMAND...
  local name=$1 said status=0
  shift
  said=$("$@" 2>&1) || status=$?
  row "$name" "$status" "$([[ $status == 0 ]] || echo "exit $status: $(tail -n 2 <<<"$said" | tr '\n' ' ')")"
}
until_true() { # until_true SECONDS COMMAND...: asks every 50 ms
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}
show() { systemctl show -P "$1" slotd; }
main_pid() { show MainPID; }
# The tokens of the slots that stay, without the load's: a token names slot, claim and generation.
long_tokens() {
  slotctl slots -J | tr '{' '\n' | grep '"long-' | grep -oE '"token": *"[^"]*"' | tr -d ' ' | sort | tr '\n' ' '
}
has_long_slots() { # has_long_slots COUNT
  [[ $(long_tokens | wc -w) -eq $1 ]]
}
claims() { slotctl -q run -t participant -- /bin/true; }
limit_of_track() {
  slotctl limits -J | tr '{' '\n' | grep '"track"' | grep -oE '"effective": *[0-9]+' | grep -oE '[0-9]+'
}
status_has() { show StatusText | grep -qF "$1"; }
has_load() { [[ $(cat /tmp/load-* 2>/dev/null | wc -l) -gt 20 ]]; }
workers_are_alive() {
  for i in 1 2 3; do systemctl is-active --quiet "long@$i" || return 1; done
}
is_new_broker() { # is_new_broker OLD_PID: active with another process
  [[ $(show ActiveState) == active && $(main_pid) != "$1" && $(main_pid) != 0 ]]
}
journal_has() { # journal_has EVENT
  journalctl -q -u slotd "SLOTD_EVENT=$1" -o cat | grep -q .
}
# Blocks of docs/operations.md, in their order, as they are written.
command -v sudo >/dev/null || sudo() { "$@"; }
export -f sudo 2>/dev/null || true
block_has() { grep -qF -- "$2" "block-$1.sh"; } # block_has NUMBER TEXT: that it is the one that is meant
run_block() { bash -e "block-$1.sh"; }
set_layout() { printf '%b' "\\x$1" | dd of=/run/slotd/segment bs=1 seek=8 conv=notrunc status=none; }
egress_claims() { # since this was asked
  : >/tmp/egress
  until_true 20 grep -qx 0 /tmp/egress
}
has_exit_status() { [[ $(show ExecMainStatus) == "$1" ]]; }
is_active_as() { [[ $(show ActiveState) == active && $(main_pid) == "$1" ]]; }
write_config() { # write_config TRACK_MAX
  cat >/etc/slotd/slotd.yaml <<YAML
cpu: { capacity: 16 }
types:
  track:       { max: $1, cpu: 0.1 }
  participant: { max: 8, cpu: 0.5 }
segment: { path: /run/slotd/segment, group: slotd }
YAML
}

# --- install
same "docs/operations.md has the blocks that are run here" 4 "$(find . -name 'block-*.sh' | wc -l)"
holds "block 1 is the installation" block_has 1 'dpkg -i build/release/packages/slotd_'
holds "... dpkg -i installs and starts it, and its status is shown" run_block 1
same "the unit is active" active "$(show ActiveState)"
if [[ $(show ActiveState) != active ]]; then
  journalctl -q -u slotd -o cat -n 20
  echo "rows: $passed ok, $((failed + 1)) failed; nothing else can be asked"
  exit 1
fi
same "the unit is enabled" enabled "$(systemctl is-enabled slotd)"
same "the broker runs as the user of sysusers" slotd "$(ps -o user= -p "$(main_pid)")"
same "the directory is the group's to enter, not to write" "slotd slotd 750" "$(stat -c '%U %G %a' /run/slotd)"
same "the segment is the group's" "slotd slotd 660" "$(stat -c '%U %G %a' /run/slotd/segment)"
same "... and so is the socket where it answers HTTP" "slotd slotd 660" "$(stat -c '%U %G %a' /run/slotd/http.sock)"
holds "the packaged configuration is in force" slotctl config check /etc/slotd/slotd.yaml
if verified=$(systemd-analyze verify --man=no slotd.service 2>&1) && ! grep -q slotd <<<"$verified"; then
  row "systemd-analyze verify has nothing to say" 0
else
  row "systemd-analyze verify has nothing to say" 1 "$verified"
fi
holds "systemd-analyze security: 0.6 or lower" systemd-analyze security --no-pager --threshold=6 slotd.service

# --- a user without the group, and worker units with the drop-in
useradd --create-home worker
said=$(runuser -u worker -- slotctl claim -t track 2>&1)
same "a user without the group: exit 77" 77 $?
if grep -q "group 'slotd'" <<<"$said"; then
  row "... and the message names the group" 0 "$(head -n 1 <<<"$said" | cut -c 1-76)"
else
  row "... and the message names the group" 1 "$said"
fi

write_config 9
holds "systemctl restart with another configuration" systemctl restart slotd
cat >/etc/systemd/system/long@.service <<'UNIT'
[Service]
User=worker
ProtectSystem=strict
ExecStart=/usr/bin/slotctl run -t track --key long-%i -- /bin/sleep infinity
UNIT
cat >/etc/systemd/system/load@.service <<'UNIT'
[Service]
User=worker
ExecStart=/bin/bash -c 'while :; do slotctl -q run -t participant -- /bin/true; code=$?; echo $code >>/tmp/load-%i; done'
UNIT
for unit in long@ load@; do
  mkdir -p "/etc/systemd/system/$unit.service.d"
  cp slotd-worker.conf "/etc/systemd/system/$unit.service.d/slotd.conf"
done
systemctl daemon-reload
systemctl start long@1 long@2 long@3
holds "three worker units claim through the drop-in" until_true 20 has_long_slots 3
before=$(long_tokens)

# --- the drop-in as docs/operations.md has it
cat >/etc/systemd/system/egress.service <<'UNIT'
[Service]
User=worker
ProtectSystem=strict
ReadWritePaths=/tmp
ExecStart=/bin/bash -c 'while :; do slotctl -q run -t participant --key egress -- sleep 0.2; echo $? >>/tmp/egress; sleep 0.1; done'
UNIT
install -m 666 /dev/null /tmp/egress
systemctl daemon-reload
systemctl start egress
holds "a worker unit without the drop-in is refused (77)" until_true 20 grep -qx 77 /tmp/egress
holds "block 2 is the drop-in" block_has 2 egress.service.d
holds "... it runs" run_block 2
holds "... the worker claims" egress_claims
systemctl stop egress

# --- active means: a worker can claim
answers=0
start_ms=()
for _ in 1 2 3 4 5; do
  systemctl restart slotd && claims && answers=$((answers + 1))
  start_ms+=($((($(show ActiveEnterTimestampMonotonic) - $(show ExecMainStartTimestampMonotonic)) / 1000)))
done
echo "      start of the process to READY, ms: ${start_ms[*]}"
same "five restarts: a claim is admitted as soon as it is active" 5 "$answers"
same "restarts keep the slots" "$before" "$(long_tokens)"
holds "the status line has the figures" grep -qE '^[0-9]+ of 1024 slots held, [0-9.]+ of 12.8 cores charged, 0 waiting$' \
  <<<"$(show StatusText)"

# --- kill -9
pid=$(main_pid)
kill -9 "$pid"
same "the broker is dead: claims go on" 0 "$(claims; echo $?)"
holds "kill -9: systemd starts another broker" until_true 20 is_new_broker "$pid"
same "... which adopts the segment: the same slots" "$before" "$(long_tokens)"
holds "the journal has the event with its id and fields" grep -q '^/run/slotd/segment$' \
  <<<"$(journalctl -q -o cat --output-fields=SLOTD_SEGMENT MESSAGE_ID=3fe6e7be9ba057171ed40c227dab7ad2)"
holds "journalctl -x explains it" grep -q 'was taken over' \
  <<<"$(journalctl -q -x -n 1 MESSAGE_ID=3fe6e7be9ba057171ed40c227dab7ad2)"

# --- watchdog
mkdir -p /etc/systemd/system/slotd.service.d
printf '[Service]\nWatchdogSec=2s\n' >/etc/systemd/system/slotd.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart slotd
pid=$(main_pid)
sleep 5
same "the loop pings: no restart in 5 s of a watchdog of 2 s" "$pid" "$(main_pid)"
kill -STOP "$pid"
same "the broker is stopped: claims go on" 0 "$(claims; echo $?)"
holds "SIGSTOP: the watchdog has it replaced" until_true 30 is_new_broker "$pid"
holds "... and says so" grep -q 'Watchdog timeout' <<<"$(journalctl -q -u slotd -o cat)"
same "... with the same slots" "$before" "$(long_tokens)"
rm /etc/systemd/system/slotd.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart slotd

# --- reload
write_config 7
holds "reload of a good file succeeds" systemctl reload slotd
same "... and is in force when it returns" 7 "$(limit_of_track)"
same "... the unit is active" active "$(show ActiveState)"
printf 'cpu: { capacity: 16 }\ntypes:\n  track: { max: 7, cpu: 0.1, colour: red }\n' >/etc/slotd/slotd.yaml
systemctl reload slotd 2>/dev/null
same "reload of a bad file fails" 1 $?
holds "... the journal names file and line" grep -q '/etc/slotd/slotd.yaml:3:' <<<"$(journalctl -q -u slotd -o cat -n 30)"
same "... the unit goes on as it was" "active 0" "$(show ActiveState) $(claims; echo $?)"
holds "... the event is in the journal" journal_has reload_refused
write_config 2
holds "reload of a limit below what is held" systemctl reload slotd
holds "... the debt is in the journal" until_true 10 journal_has debt
holds "... and in the status line" until_true 10 status_has "track above its limit: 3 of 2"
write_config 9
systemctl reload slotd
holds "... and that it is over" until_true 10 journal_has debt_drained
same "reloads keep the slots" "$before" "$(long_tokens)"

# --- stop with workers alive, start again
holds "stop with workers alive" systemctl stop slotd
holds "... the workers go on" workers_are_alive
same "... their slots stay" "$before" "$(long_tokens)"
same "... claims go on" 0 "$(claims; echo $?)"
same "... status says that it is down" down "$(slotctl status -J | grep -oE '"state": *"[a-z]+"' | head -n 1 | grep -oE '[a-z]+"$' | tr -d '"')"
same "... a clean stop is no failure" "inactive success" "$(show ActiveState) $(show Result)"
holds "start again" systemctl start slotd
same "... the same slots" "$before" "$(long_tokens)"

# --- an invalid file at the start
printf 'types: [\n' >/etc/slotd/slotd.yaml
systemctl restart slotd 2>/dev/null
sleep 2.5
same "start on an invalid file fails and is not tried again" "failed 0 78" \
  "$(show ActiveState) $(show NRestarts) $(show ExecMainStatus)"
same "... the slots stay" "$before" "$(long_tokens)"
write_config 9
systemctl start slotd

# --- HTTP: by the proxy of docs/metrics.md, and by itself with the drop-in of docs/operations.md
http_answers() { # http_answers PORT: the metrics of a broker that is up
  local answer
  exec {http}<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET /metrics HTTP/1.0\r\nHost: slotd\r\n\r\n' >&"$http"
  answer=$(timeout 10 cat <&"$http")
  exec {http}>&-
  grep -qx 'slotd_broker_up 1' <<<"$answer"
}
cp units/* /etc/systemd/system/
systemctl daemon-reload
same "the units of docs/metrics.md" "slotd-http.service slotd-http.socket" "$(echo units/* | sed 's:units/::g')"
holds "... are enabled" systemctl enable --now slotd-http.socket
holds "... and answer on TCP for a broker without a network" until_true 20 http_answers 9464
systemctl disable --now slotd-http.socket slotd-http.service
echo 'http: { listen: 127.0.0.1:9465 }' >>/etc/slotd/slotd.yaml
cat >/etc/systemd/system/slotd.service.d/http.conf <<'CONF'
[Service]
PrivateNetwork=no
RestrictAddressFamilies=AF_INET AF_INET6
IPAddressAllow=localhost
CONF
systemctl daemon-reload
systemctl restart slotd
holds "http.listen with the drop-in: the broker answers itself" until_true 20 http_answers 9465
rm /etc/systemd/system/slotd.service.d/http.conf
systemctl daemon-reload
write_config 9
systemctl restart slotd

# --- logout
if [[ -e /lib/x86_64-linux-gnu/security/pam_systemd.so || -n $(find /lib /usr/lib -name pam_systemd.so -print -quit) ]]; then
  su - worker -c 'touch /dev/shm/left-by-worker; slotctl can-accept -t track' >/dev/null 2>&1
  holds "a user logs out: logind removes what it left in /dev/shm" until_true 30 test ! -e /dev/shm/left-by-worker
  runuser -u slotd -- touch /dev/shm/left-by-slotd
  su -s /bin/bash - slotd -c true >/dev/null 2>&1
  sleep 1
  same "... the segment and its slots stay" "$before" "$(long_tokens)"
  holds "... also what the broker's own user left" test -e /dev/shm/left-by-slotd
else
  echo "skip  a user logs out: libpam-systemd is not installed"
fi

# --- upgrade under load
rm -f /tmp/load-*
systemctl start load@1 load@2
until_true 20 has_load
pid=$(main_pid)
holds "upgrade under load: dpkg -i of a higher version" dpkg -i next.deb
holds "... the new broker runs" is_new_broker "$pid"
sleep 2
systemctl stop load@1 load@2
same "... live slots before = after" "$before" "$(long_tokens)"
holds "... the workers were not touched" workers_are_alive
codes=$(cat /tmp/load-* | sort | uniq -c | awk '{ printf "%s x exit %s, ", $1, $2 }')
# In the instant in which the program file is replaced the shell may not find it: 127, and no claim was made.
if cat /tmp/load-* | grep -qvxE '0|127'; then
  row "... every claim of the load was admitted and released" 1 "$codes"
else
  row "... every claim of the load was admitted and released" 0 "${codes%, }"
fi
same "... nothing of the load is left" 3 "$(slotctl slots -J | tr '{' '\n' | grep -c '"token"')"

# --- removal and return
holds "dpkg -r with workers alive" dpkg -r slotd
same "... the program is gone, the configuration stays" "0 1" \
  "$(find /usr/bin/slotd /usr/bin/slotctl 2>/dev/null | wc -l) $(find /etc/slotd/slotd.yaml | wc -l)"
same "... the unit is gone" 0 "$(systemctl list-unit-files -q slotd.service 2>/dev/null | grep -c enabled)"
holds "... the workers go on" workers_are_alive
holds "... the segment stays" test -s /run/slotd/segment
holds "installed again" dpkg -i next.deb
same "... the same slots" "$before" "$(long_tokens)"
same "... the unit is enabled and active" "enabled active" "$(systemctl is-enabled slotd) $(show ActiveState)"

# --- another layout, with held slots: refused, then drained with --retire
systemctl stop slotd
set_layout 63
systemctl start --no-block slotd
holds "another layout with held slots: the broker refuses (76)" until_true 20 has_exit_status 76
slotctl status >/dev/null 2>&1
same "... and so does slotctl of the new release" 76 $?
holds "... the workers go on" workers_are_alive
systemctl stop slotd
holds "block 3 is the drop-in with --retire" block_has 3 --retire
holds "... it runs" run_block 3
systemctl start --no-block slotd
holds "... the broker drains the old segment" until_true 20 journal_has retiring
pid=$(main_pid)
sleep 2
same "... and waits while slots are held" "$pid activating" "$(main_pid) $(show ActiveState)"
systemctl stop long@1 long@2 long@3
holds "... the last one ends: it starts" until_true 20 is_active_as "$pid"
holds "... claims are admitted" claims
rm /etc/systemd/system/slotd.service.d/retire.conf
systemctl daemon-reload
systemctl restart slotd

# --- another layout, both packages, after a drain
systemctl start egress
holds "a worker claims before the upgrade" egress_claims
holds "slotctl drain" slotctl drain
holds "slotctl wait --idle" slotctl wait --idle -w 20
holds "block 4 is the upgrade" block_has 4 'dpkg -i slotd_NEW.deb'
# As if the release that is stopped here had had another layout.
sed -i '1a printf "\\x63" | dd of=/run/slotd/segment bs=1 seek=8 conv=notrunc status=none' block-4.sh
holds "... it runs" run_block 4
same "... the broker is there, and the worker's new package" "active 2" "$(show ActiveState) $(cat /usr/share/egress/version)"
holds "... nothing is left of the drain: the worker claims" egress_claims
systemctl stop egress
holds "dpkg --purge" dpkg --purge slotd
same "... takes the configuration along" 0 "$(find /etc/slotd 2>/dev/null | wc -l)"

echo "rows: $passed ok, $failed failed"
((failed == 0))
