#!/usr/bin/env bash
# Loads the built image into Docker, or pushes it to a registry: the very file that was built, of
# which the digest is verified first. Usage: image.sh load|push IMAGE.tar SHA256_DIGEST NAME:TAG
set -euo pipefail
action=$1 file=$2 digest=$3 name=$4

found="$(tar --extract --to-stdout --file="$file" index.json | python3 -c 'import json, sys; print(json.load(sys.stdin)["manifests"][0]["digest"])')"
[[ "$digest" =~ ^sha256:[0-9a-f]{64}$ ]] && [ "$found" = "$digest" ] || {
  echo "$file is not what was built: it has ${found:-no digest}, not $digest" >&2
  exit 1
}
case "$action" in
  load)
    # By way of an archive of Docker's own kind, which every version of it takes.
    loaded="$(mktemp --directory)"
    trap 'rm -rf "$loaded"' EXIT
    skopeo copy --quiet "oci-archive:$file" "docker-archive:$loaded/image.tar:$name"
    docker load --input "$loaded/image.tar"
    ;;
  push)
    skopeo copy --quiet --all --preserve-digests "oci-archive:$file" "docker://$name"
    ;;
  *)
    echo "load or push, not $action" >&2
    exit 1
    ;;
esac
