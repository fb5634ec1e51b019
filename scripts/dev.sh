#!/usr/bin/env bash
# What `make dev` runs: Dagster's code server, daemon and webserver under supervisord, until Ctrl-C,
# TERM or the end of the terminal. Expects the variables that the Makefile sets.
set -uo pipefail
# What these processes and their runs write is for this account alone.
umask 077
ROOT="$(cd "$(dirname "$0")/.." && pwd)"
BIN="$ROOT/.venv/bin"
export ROOT BIN

if (exec 3<>"/dev/tcp/$FRAUD_CODE_HOST/$FRAUD_CODE_PORT") 2>/dev/null; then
  echo "Port $FRAUD_CODE_PORT, for the code server, is taken: set FRAUD_CODE_PORT to a free one." >&2
  exit 1
fi
logs="$DAGSTER_HOME/logs"
mkdir -p "$logs"
for name in code-server daemon webserver supervisord; do : > "$logs/$name.log"; done
# In a session of its own, so that the terminal's signals reach it through this script alone: at a
# hang-up supervisord would start everything again. It writes to files, for a terminal may close.
setsid "$BIN/supervisord" --configuration "$ROOT/scripts/supervisord.conf" > /dev/null 2>&1 &
supervisor=$!
trap 'kill -TERM $supervisor 2>/dev/null' INT TERM HUP
tail --quiet --lines=+1 --follow=name --pid=$supervisor "$logs"/*.log 2>/dev/null &
while kill -0 $supervisor 2>/dev/null; do wait $supervisor; done
"$BIN/fraud-assets" in-progress
