#!/bin/sh
# In the clean root, with the packages installed: check_installed.sh systemd|direct
# Writes "passed" to /srv/package/result at the end.
set -eu
how=$1
unit=/lib/systemd/system/tidegated.service
pid=

say() { echo "-- $*"; }
fail() {
  echo "FAILED: $*"
  [ "$how" != systemd ] || journalctl --no-pager -n 40 -u tidegated 2>/dev/null || true
  [ "$how" != direct ] || tail -n 40 /srv/package/daemon.log 2>/dev/null || true
  [ "$how" != direct ] || [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  exit 1
}

# The daemon, as the unit says. Without systemd: its user, its folders, its command.
start() {
  if [ "$how" = systemd ]; then
    systemctl start tidegated
  else
    install -d -o _tidegate -g _tidegate -m 0750 /run/tidegate /var/lib/tidegate
    # shellcheck disable=SC2046  # the words of the command
    setpriv --reuid _tidegate --regid _tidegate --init-groups -- $(sed -n 's/^ExecStart=//p' $unit) \
      > /srv/package/daemon.log 2>&1 &
    pid=$!
  fi
}
stop() {
  if [ "$how" = systemd ]; then
    systemctl stop tidegated
  else
    kill "$pid" && wait "$pid" || true
  fi
}
main_pid() { if [ "$how" = systemd ]; then systemctl show -P MainPID tidegated; else echo "$pid"; fi; }
answers() {
  tries=0
  until timeout 5 tidegate status > /srv/package/status 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat /srv/package/status; return 1; }
    sleep 0.1
  done
}
replica() { timeout 5 tidegate status --json | grep -o '"replica"[^,}]*'; }

say "the installed configuration"
tidegated --check --config /etc/tidegate/tidegate.yaml || fail "tidegated --check"

say "the daemon after installation"
[ "$how" = systemd ] || start
answers || fail "tidegate status"
cat /srv/package/status
[ "$(stat -c %U /proc/"$(main_pid)")" = _tidegate ] || fail "the daemon must run as _tidegate"
before=$(replica) || fail "tidegate status --json has no replica"

if [ "$how" = systemd ]; then
  say "a reload leaves the same process"
  old=$(main_pid)
  systemctl reload tidegated
  sleep 0.5
  answers || fail "no answer after a reload"
  [ "$(main_pid)" = "$old" ] || fail "reload ended the daemon"
fi

say "SIGKILL: started again, it has the same replica"
old=$(main_pid)
kill -9 "$old"
if [ "$how" = systemd ]; then
  sleep 3
else
  wait "$pid" || true
  start
fi
answers || fail "no answer after SIGKILL"
[ "$(main_pid)" != "$old" ] || fail "SIGKILL had no effect"
[ "$(replica)" = "$before" ] || fail "another replica after SIGKILL: $(replica), was $before"

say "a wrong configuration: status 78, and no endless restarts"
stop
echo "nodes: {}" > /etc/tidegate/conf.d/50-wrong.yaml
if [ "$how" = systemd ]; then
  ! systemctl start tidegated 2> /dev/null || fail "started with a wrong configuration"
  [ "$(systemctl show -P ExecMainStatus tidegated)" = 78 ] || fail "status $(systemctl show -P ExecMainStatus tidegated)"
  sleep 3
  [ "$(systemctl show -P ActiveState tidegated)" = failed ] || fail "a wrong configuration is tried again"
  systemctl reset-failed tidegated
else
  start
  rc=0
  wait "$pid" || rc=$?
  [ $rc = 78 ] || fail "status $rc"
fi
rm /etc/tidegate/conf.d/50-wrong.yaml

say "the daemon with the template's plugin"
cp /srv/package/template.yaml /etc/tidegate/conf.d/50-template.yaml
start
answers || fail "no answer with the template's plugin"
grep -q policy-refuse.so /proc/"$(main_pid)"/maps || fail "the template's plugin is not in the daemon"
stop
rm /etc/tidegate/conf.d/50-template.yaml

say "upgrade: the replica and what was changed in the configuration stay"
start
answers || fail "no answer before the upgrade"
old=$(main_pid)
echo "# changed by its operator" >> /etc/tidegate/tidegate.yaml
dpkg -i --force-confdef --force-confold /srv/package/upgrade/*.deb > /srv/package/dpkg.log 2>&1 ||
  { cat /srv/package/dpkg.log; fail "dpkg -i"; }
if [ "$how" = direct ]; then
  stop
  start
fi
answers || fail "no answer after the upgrade"
[ "$(main_pid)" != "$old" ] || fail "the upgrade did not restart the daemon"
[ "$(replica)" = "$before" ] || fail "another replica after the upgrade: $(replica), was $before"
grep -q "changed by its operator" /etc/tidegate/tidegate.yaml || fail "the upgrade took the configuration away"

say "removal stops the daemon and keeps the replica; purge takes it"
[ "$how" = systemd ] || stop
dpkg -r tidegate > /srv/package/dpkg.log 2>&1 || { cat /srv/package/dpkg.log; fail "dpkg -r"; }
! grep -qsx tidegated /proc/[0-9]*/comm || fail "the daemon runs on after removal"
[ -e /var/lib/tidegate/replica.db ] || fail "removal took the replica away"
dpkg -P tidegate > /srv/package/dpkg.log 2>&1 || { cat /srv/package/dpkg.log; fail "dpkg -P"; }
[ ! -e /var/lib/tidegate ] || fail "purge left /var/lib/tidegate"
[ ! -e /etc/tidegate ] || fail "purge left /etc/tidegate: $(ls -A /etc/tidegate)"

echo passed > /srv/package/result
