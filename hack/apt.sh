# shellcheck shell=bash  # Sourced by debian.sh and postgres/root.sh.
# apt that waits: another one may hold its locks, as on a machine that updates itself, and a mirror may be away for a moment.

apt_patience=600 # seconds; it only ends a hang
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

apt_get() { apt-get -qq -o DPkg::Lock::Timeout="$apt_patience" -o Acquire::Retries=5 "$@" </dev/null; }

# apt_update waits by itself for the lock of the lists, for which apt does not.
apt_update() {
  local said deadline=$((SECONDS + apt_patience))
  until said=$(apt_get update 2>&1); do
    [[ $said == *"Could not get lock"* ]] && ((SECONDS < deadline)) || { echo "$said" >&2 && return 1; }
    sleep 1
  done
}
