# Sourced by run.sh: podman and docker-compose in a store and a network namespace of this run, and what is asked of both.
# shellcheck shell=bash
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
