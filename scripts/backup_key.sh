#!/usr/bin/env bash
# Makes a pair of keys for backups: the public one, which stays, and the private one, which does not.
# Usage: backup_key.sh PUBLIC PRIVATE
set -euo pipefail
public=$1 private=$2
umask 077

for file in "$public" "$private"; do
  [ ! -e "$file" ] || { echo "$file is there and was kept: backups were made for it" >&2; exit 1; }
done
GNUPGHOME="$(mktemp -d)"
export GNUPGHOME
trap 'gpgconf --kill gpg-agent; rm -rf "$GNUPGHOME"' EXIT
key=(gpg --batch --quiet --no-tty --no-options --pinentry-mode loopback --passphrase '')
"${key[@]}" --quick-generate-key "fraud_assets backups" future-default default never
"${key[@]}" --armor --export-secret-keys --output "$private"
"${key[@]}" --armor --export --output "$public"
# Whoever makes backups is not whoever made the key.
chmod 644 "$public"
echo "$public: backups are encrypted to it"
echo "$private: opens them. Move it off this machine, to two safe places: without it no backup can be read"
