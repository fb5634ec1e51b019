#!/usr/bin/env bash
# Writes both databases, then the files, into a folder of its own: what the databases speak of is
# in the files then, whatever runs meanwhile. Usage: backup.sh FRAUD_FOLDER MLFLOW_FOLDER BACKUPS
set -euo pipefail
fraud=$1 mlflow=$2 backups=$3
name="$(date -u +%Y%m%dT%H%M%SZ)"
folder="$backups/.$name.part"
mkdir -p "$folder"
trap 'rm -rf "$folder"' EXIT

PGPASSWORD="$DAGSTER_DB_PASSWORD" pg_dump --username=dagster --format=custom --file="$folder/dagster.dump" dagster
PGPASSWORD="$MLFLOW_DB_PASSWORD" pg_dump --username=mlflow --format=custom --file="$folder/mlflow.dump" mlflow
# A file that grows or goes while it is read (a log, a table that is being written) is no fault.
tar --create --file="$folder/fraud.tar" --directory="$fraud" --exclude=scratch --exclude='incoming-*' \
  --warning=no-file-changed --warning=no-file-removed . || [ $? -eq 1 ]
tar --create --file="$folder/mlflow.tar" --directory="$mlflow" --warning=no-file-changed . || [ $? -eq 1 ]
(cd "$folder" && sha256sum -- *.dump *.tar > SHA256SUMS)
mv "$folder" "$backups/$name"
echo "backup $name: $(du -sh "$backups/$name" | cut -f1)"
