#!/usr/bin/env bash
# What `make dev` runs: Dagster's code server, daemon and webserver, each started again when it
# dies, until Ctrl-C or the end of the terminal. Expects the variables that the Makefile sets.
set -uo pipefail
# What these processes and their runs write is for this account alone.
umask 077
root="$(cd "$(dirname "$0")/.." && pwd)"
bin="$root/.venv/bin"
workspace="$root/workspace.yaml"
cd "$DAGSTER_HOME" || exit 1

keep_up() {
  trap 'kill "$child" 2>/dev/null; wait "$child"; exit' TERM
  while true; do
    "$@" &
    child=$!
    wait "$child"
    echo "$1 ended; starting it again" >&2
    sleep 1
  done
}

listens() { (exec 3<>"/dev/tcp/$FRAUD_CODE_HOST/$FRAUD_CODE_PORT") 2>/dev/null; }

if listens; then
  echo "Port $FRAUD_CODE_PORT, for the code server, is taken: set FRAUD_CODE_PORT to a free one." >&2
  exit 1
fi
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 0' INT TERM HUP
keep_up "$bin/dagster" api grpc -m fraud_assets.definitions --location-name fraud_assets \
  --host "$FRAUD_CODE_HOST" --port "$FRAUD_CODE_PORT" &
until listens; do sleep 0.2; done
keep_up "$bin/dagster-daemon" run -w "$workspace" &
keep_up "$bin/dagster-webserver" -w "$workspace" -h 127.0.0.1 -p "$DAGSTER_PORT" &
wait
