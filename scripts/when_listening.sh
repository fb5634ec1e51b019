#!/usr/bin/env bash
# Waits for the code server, then becomes the command that needs it.
until (exec 3<>"/dev/tcp/$FRAUD_CODE_HOST/$FRAUD_CODE_PORT") 2>/dev/null; do sleep 0.2; done
exec "$@"
