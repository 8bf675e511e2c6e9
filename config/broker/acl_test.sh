#!/bin/sh
# acl_test.sh FOLDER: runs mosquitto with the acl file of FOLDER and lets clients try to cheat.
# Exit 77 if mosquitto is not installed.
set -eu
here=$1
PATH=$PATH:/usr/sbin
for program in mosquitto mosquitto_passwd mosquitto_pub mosquitto_sub; do
  command -v $program >/dev/null || { echo "$program is not installed: skipped"; exit 77; }
done
work=$(mktemp -d)
broker=
listeners=
trap 'kill $broker $listeners 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

cp "$here/acl" "$work/acl"
touch "$work/passwd"
chmod 600 "$work/passwd"
for user in parent 101 102; do mosquitto_passwd -b "$work/passwd" $user pw-$user 2>/dev/null; done
# The configuration that is installed, with paths and port of this test.
port=$((20000 + $$ % 20000))
sed -e "s|/etc/mosquitto/tidegate.acl|$work/acl|" -e "s|/etc/mosquitto/tidegate.passwd|$work/passwd|" \
    -e "s|^listener 1883|listener $port 127.0.0.1|" "$here/mosquitto.conf" > "$work/mosquitto.conf"
[ "$(id -u)" != 0 ] || echo "user root" >> "$work/mosquitto.conf"
mosquitto -c "$work/mosquitto.conf" > "$work/log" 2>&1 &
broker=$!

as() { user=$1 program=$2; shift 2; "$program" -V 5 -h 127.0.0.1 -p $port -u "$user" -P "pw-$user" "$@"; }
tries=0
until as parent mosquitto_pub -q 1 -t plant1/parent/state -m up 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { cat "$work/log"; exit 1; }
  sleep 0.1
done

failures=0
fail() { echo "FAILED: $1"; failures=$((failures + 1)); }
may() { as "$1" mosquitto_pub -q 1 -t "$2" -m "from-$1" > "$work/out" 2>&1; ! grep -qi "not authorized" "$work/out"; }
must() { may "$1" "$2" || fail "$1 must be able to write $2"; }
must_not() { ! may "$1" "$2" || fail "$1 must not be able to write $2"; }

must 101 plant1/101/up
must 101 plant1/101/state
must parent plant1/101/down
must parent plant1/parent/state
must_not 101 plant1/102/up
must_not 101 plant1/102/state
must_not 101 plant1/101/down
must_not 101 plant1/102/down
must_not 101 plant1/parent/state
must_not 101 other/101/up
must_not parent plant1/101/up
must_not parent plant1/101/state

# What each hears of everything that is said: -W ends the listeners.
for user in parent 101 102; do
  as $user mosquitto_sub -v -t 'plant1/+/up' -t 'plant1/+/down' -t 'plant1/+/state' -W 3 > "$work/heard.$user" 2>&1 &
  listeners="$listeners $!"
done
sleep 1
for child in 101 102; do
  as $child mosquitto_pub -q 1 -t plant1/$child/up -m x
  as $child mosquitto_pub -q 1 -t plant1/$child/state -m x
  as parent mosquitto_pub -q 1 -t plant1/$child/down -m x
done
as parent mosquitto_pub -q 1 -t plant1/parent/state -m x
for listener in $listeners; do wait "$listener" || true; done
listeners=
heard() { grep -o 'plant1/[^ ]* x' "$work/heard.$1" | cut -d' ' -f1 | sort | tr '\n' ' '; }
expect() { [ "$(heard "$1")" = "$2" ] || fail "$1 heard '$(heard "$1")', should hear '$2'"; }
expect parent "plant1/101/state plant1/101/up plant1/102/state plant1/102/up plant1/parent/state "
expect 101 "plant1/101/down plant1/parent/state "
expect 102 "plant1/102/down plant1/parent/state "

if mosquitto_pub -V 5 -h 127.0.0.1 -p $port -q 1 -t plant1/101/up -m x > "$work/out" 2>&1; then
  fail "a client without a name must not be let in"
fi
[ $failures = 0 ] && echo "the acl file lets through what it must, and nothing else"
