#!/usr/bin/env bash
# Puts a backup in place of what is there, after all else has been stopped. Says what is wrong
# before it changes anything: the sums are verified, and every file is decrypted once to nowhere,
# with the private key KEYS/restore.asc (its passphrase, if any, in KEYS/passphrase).
# Usage: restore.sh FRAUD_FOLDER MLFLOW_FOLDER KEYS BACKUPS NAME
set -euo pipefail
fraud=$1 mlflow=$2 keys=$3 backups=$4 name=$5

stop() {
  echo "$*; nothing was changed" >&2
  exit 1
}

if [ "$name" = newest ]; then
  # Of those that are whole.
  name="$(find "$backups" -mindepth 2 -maxdepth 2 -path '*/[0-9]*Z/SHA256SUMS' -printf '%h\n' | sort | tail -n 1)"
  name="${name##*/}"
fi
[[ "$name" =~ ^([0-9]{8}T[0-9]{6}Z)?$ ]] || stop "$name is no name of a backup, such as 20260101T000000Z"
backup="$backups/$name"
[ -n "$name" ] && [ -f "$backup/SHA256SUMS" ] || stop "no backup at $backup; make one with \`make backup\`"

parts=(dagster.dump mlflow.dump fraud.tar mlflow.tar) ending=
if [ -e "$backup/fraud.tar.gpg" ]; then
  ending=.gpg
fi
# A list that leaves a file out would verify nothing about it.
wanted="$(printf "%s$ending\n" "${parts[@]}" | sort)"
[ "$(cut --characters=67- "$backup/SHA256SUMS" | sort)" = "$wanted" ] || stop "$backup is damaged"
(cd "$backup" && sha256sum --check --strict --quiet SHA256SUMS) || stop "$backup is damaged"

unseal() { cat "$backup/$1"; }
if [ -n "$ending" ]; then
  [ -f "$keys/restore.asc" ] \
    || stop "$name is encrypted: put the private key into keys/restore.asc, and remove it afterwards"
  GNUPGHOME="$(mktemp -d)"
  export GNUPGHOME
  trap 'gpgconf --kill gpg-agent; rm -rf "$GNUPGHOME"' EXIT
  secret=(--passphrase '')
  if [ -f "$keys/passphrase" ]; then
    secret=(--passphrase-file "$keys/passphrase")
  fi
  opened() { gpg --batch --quiet --no-tty --no-options --pinentry-mode loopback "${secret[@]}" "$@"; }
  opened --import "$keys/restore.asc" || stop "keys/restore.asc cannot be read as a private key"
  unseal() { opened --decrypt "$backup/$1.gpg"; }
  for part in "${parts[@]}"; do
    unseal "$part" > /dev/null || stop "keys/restore.asc does not open $part of $name"
  done
fi

# All or nothing, and in place of all that is there: tables of a newer version would be in the way
# of its next migration.
load() {
  {
    echo 'SET client_min_messages = warning; BEGIN; DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner;'
    unseal "$1.dump" | pg_restore --no-owner --file=- && echo 'COMMIT;'
  } | PGPASSWORD="$2" psql --username="$1" --dbname="$1" --no-psqlrc --quiet --output=/dev/null \
    --set=ON_ERROR_STOP=1
}
load dagster "$DAGSTER_DB_PASSWORD"
load mlflow "$MLFLOW_DB_PASSWORD"
for kept in "$fraud" "$mlflow"; do
  # The instance's settings are mounted into the folder, and stay.
  find "$kept" -mindepth 1 -not -path "$fraud/dagster" -not -name dagster.yaml -delete
done
unseal fraud.tar | tar --extract --file=- --directory="$fraud" --exclude=./dagster/dagster.yaml
unseal mlflow.tar | tar --extract --file=- --directory="$mlflow"
echo "restored $name"
