#!/usr/bin/env bash
# Puts a backup in place of what is there, after all else has been stopped. Says what is wrong
# before it changes anything. Usage: restore.sh FRAUD_FOLDER MLFLOW_FOLDER BACKUP
set -euo pipefail
fraud=$1 mlflow=$2 backup=$3
if [ "$(basename "$backup")" = newest ]; then
  backup="$(find "$(dirname "$backup")" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*Z' | sort | tail -n 1)"
fi
[ -n "$backup" ] && [ -f "$backup/SHA256SUMS" ] || { echo "no backup at ${backup:-$3}; make one with \`make backup\`" >&2; exit 1; }
(cd "$backup" && sha256sum --check --quiet SHA256SUMS) || { echo "$backup is damaged; nothing was changed" >&2; exit 1; }

# All or nothing, and in place of all that is there: tables of a newer version would be in the way
# of its next migration.
load() {
  {
    echo 'SET client_min_messages = warning; BEGIN; DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner;'
    pg_restore --no-owner --file=- "$backup/$1.dump" && echo 'COMMIT;'
  } | PGPASSWORD="$2" psql --username="$1" --dbname="$1" --no-psqlrc --quiet --output=/dev/null \
    --set=ON_ERROR_STOP=1
}
load dagster "$DAGSTER_DB_PASSWORD"
load mlflow "$MLFLOW_DB_PASSWORD"
for kept in "$fraud" "$mlflow"; do
  # The instance's settings are mounted into the folder, and stay.
  find "$kept" -mindepth 1 -not -path "$fraud/dagster" -not -name dagster.yaml -delete
done
tar --extract --file="$backup/fraud.tar" --directory="$fraud" --exclude=./dagster/dagster.yaml
tar --extract --file="$backup/mlflow.tar" --directory="$mlflow"
echo "restored $(basename "$backup")"
