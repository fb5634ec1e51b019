#!/usr/bin/env bash
# Writes both databases, then the files, into a folder of its own: what the databases speak of is
# in the files then, whatever runs meanwhile. All of it is encrypted to the public key KEYS/backup.asc
# while it is read, so that no plain copy ever lies on a disk; only the private key, which is kept
# elsewhere, opens it. Then removes the oldest whole backups.
# Usage: backup.sh FRAUD_FOLDER MLFLOW_FOLDER KEYS BACKUPS
set -euo pipefail
fraud=$1 mlflow=$2 key="$3/backup.asc" backups=$4
keep="${FRAUD_KEEP_BACKUPS:-14}" plain="${FRAUD_BACKUP_PLAIN:-}"
umask 077

[[ "$keep" =~ ^[1-9][0-9]{0,3}$ ]] || {
  echo "FRAUD_KEEP_BACKUPS is '$keep'; set it to how many backups are kept, 1 or more" >&2
  exit 1
}
if [ -f "$key" ]; then
  ending=.gpg
  GNUPGHOME="$(mktemp -d)"
  export GNUPGHOME
  seal() {
    # The data is compressed already, or soon by whoever stores it; its size tells nothing more.
    gpg --batch --quiet --no-tty --no-options --trust-model always --compress-algo none \
      --recipient-file "$key" --encrypt
  }
elif [ "$plain" = 1 ]; then
  ending=
  seal() { cat; }
  echo "FRAUD_BACKUP_PLAIN is 1: this backup is not encrypted; whoever reads it has all data" >&2
else
  echo "there is no public key ${key##*/} in keys/: make one with \`make backup-key\`, or set" \
    "FRAUD_BACKUP_PLAIN=1 for backups that anybody can read; nothing was written" >&2
  exit 1
fi

exec 9> "$backups/.lock"
flock --nonblock 9 || { echo "another backup is being made; wait for it" >&2; exit 1; }
rm -rf "$backups"/.*.part
name="$(date -u +%Y%m%dT%H%M%SZ)"
folder="$backups/.$name.part"
mkdir "$folder"
trap 'rm -rf "$folder" "${GNUPGHOME:-$folder}"' EXIT

PGPASSWORD="$DAGSTER_DB_PASSWORD" pg_dump --username=dagster --format=custom dagster \
  | seal > "$folder/dagster.dump$ending"
PGPASSWORD="$MLFLOW_DB_PASSWORD" pg_dump --username=mlflow --format=custom mlflow \
  | seal > "$folder/mlflow.dump$ending"
# A file that grows or goes while it is read (a log, a table that is being written) is no fault.
{ tar --create --file=- --directory="$fraud" --exclude=scratch --exclude='incoming-*' \
  --warning=no-file-changed --warning=no-file-removed . || [ $? -eq 1 ]; } \
  | seal > "$folder/fraud.tar$ending"
{ tar --create --file=- --directory="$mlflow" --warning=no-file-changed . || [ $? -eq 1 ]; } \
  | seal > "$folder/mlflow.tar$ending"
(cd "$folder" && sha256sum -- * > SHA256SUMS)
mv --no-target-directory "$folder" "$backups/$name"
echo "backup $name: $(du -sh "$backups/$name" | cut -f1)"

# Whole ones alone count, so that the newest of them always stays.
whole=()
for made in "$backups"/[0-9]*Z; do
  if [[ "${made##*/}" =~ ^[0-9]{8}T[0-9]{6}Z$ ]] && [ -f "$made/SHA256SUMS" ]; then
    whole+=("$made")
  fi
done
for old in "${whole[@]:0:$((${#whole[@]} > keep ? ${#whole[@]} - keep : 0))}"; do
  rm -rf "$old"
  echo "removed backup ${old##*/}: FRAUD_KEEP_BACKUPS is $keep"
done
