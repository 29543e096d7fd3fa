#!/bin/sh
# The systemd unit stays as closed as it is: an exposure of at most 1.5 of 10 (77: this machine cannot tell).
set -eu
if ! systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
  echo "skipped: systemd-analyze with --offline is not here"
  exit 77
fi
out=$(systemd-analyze security --offline=yes --threshold=15 "$1/ops/package/tocsind.service" 2>&1) && closed=yes || closed=no
echo "$out" | tail -1
case $out in *"Unknown "*) echo "$out" | grep "Unknown "; exit 1 ;; esac
[ "$closed" = yes ]
# A unit without its sandbox must be refused, or the measure says nothing.
open=$(mktemp -d)
trap 'rm -r "$open"' EXIT
sed -E '/^(Protect|Private|Restrict|SystemCall|Capability|NoNew|Memory|Lock|Device)/d' \
  "$1/ops/package/tocsind.service" >"$open/tocsind.service"
! systemd-analyze security --offline=yes --threshold=15 "$open/tocsind.service" >/dev/null 2>&1
