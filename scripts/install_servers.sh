#!/usr/bin/env bash
# Installs, from Debian packages, what the integration tests start for real. Where it may not (not
# root, or no apt-get), it says so and goes on: pytest then prints which tests it left out, and why.
# Where it may, a failure is an error; and with FRAUD_REQUIRE_SERVERS=1, as in CI, so is every
# server that is missing.
set -u

packages=()
command -v chromium >/dev/null || packages+=(chromium)
command -v prometheus-pushgateway >/dev/null || packages+=(prometheus-pushgateway)
command -v promtool >/dev/null || packages+=(prometheus)
command -v amtool >/dev/null || packages+=(prometheus-alertmanager)
command -v caddy >/dev/null || packages+=(caddy)
command -v gpg >/dev/null || packages+=(gnupg)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql)
command -v wget >/dev/null || packages+=(wget)
command -v java >/dev/null || packages+=(default-jre-headless)
ldconfig -p | grep -q 'libgomp\.so\.1' || packages+=(libgomp1)
[ ${#packages[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "Not installed, because that needs root and apt-get: ${packages[*]}" >&2
  [ "${FRAUD_REQUIRE_SERVERS:-}" != 1 ]
  exit
fi
echo "Installing for the integration tests: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
# The packages' own services must not start: the tests start what they need.
policy=/usr/sbin/policy-rc.d
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
  trap 'rm -f "$policy" "$log"' EXIT
fi
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } \
  > "$log" 2>&1 && exit 0
tail -n 20 "$log" >&2
echo "Not installed, see above: ${packages[*]}. Without them: make test-fast" >&2
exit 1
