#!/bin/sh
# In the clean root: the template of tidegate-dev builds, and the programs of tidegate know what it is.
set -eu
work=/srv/package/template
rm -rf "$work"
cp -r /usr/share/tidegate/template "$work"
cmake -S "$work" -B "$work/build" > "$work.log" 2>&1 || { cat "$work.log"; exit 1; }
cmake --build "$work/build" >> "$work.log" 2>&1 || { cat "$work.log"; exit 1; }

plugin=/usr/local/lib/tidegate/policy-refuse.so
install -D -m 0644 "$work/build/plugins/policy-refuse.so" "$plugin"
tidegate plugin info "$plugin" > "$work.info"
cat "$work.info"
grep -q policy-refuse "$work.info"

cat > /srv/package/template.yaml <<END
policies: [{plugin: $plugin}, {plugin: policy-onetable}]
END
mkdir -p /srv/package/try/conf.d
cp /etc/tidegate/tidegate.yaml /srv/package/try/
cp /srv/package/template.yaml /srv/package/try/conf.d/
tidegated --check --config /srv/package/try/tidegate.yaml

# pkg-config says the same as CMake.
[ "$(pkg-config --modversion tidegate)" = "$(dpkg-query -W -f '${source:Upstream-Version}' tidegate-dev)" ]
# shellcheck disable=SC2046  # the words of the flags
echo '#include "tidegate/tidegate.h"' | cc -std=c11 -fsyntax-only $(pkg-config --cflags tidegate) -x c -
