# shellcheck shell=bash disable=SC2154,SC2034  # Sourced by up.sh and load.sh, after lib.sh.
# Images are made of static Go binaries, one also of Debian's packages, and imported; no registry is involved.

snapshotter() {
  # An overlay cannot lie on another one.
  case $(stat -f -c %T "$dir") in
  overlay*) echo native ;;
  *) echo overlayfs ;;
  esac
}

# compile OUTPUT DIRECTORY PACKAGE: the output appears whole or not at all.
compile() {
  (cd "$2" && GOFLAGS='' CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$1.new" "$3")
  mv "$1.new" "$1"
}

# import_image BINARY REFERENCE [OPTION...]: options are those of the image tool, whose folders have a hash in their names.
# It does nothing when the node in use has exactly this image.
import_image() {
  local binary=$1 ref=$2 mark key
  shift 2
  mark=$home/images/$(echo "$ref" | tr '/:' '__')
  mkdir -p "$dir/images" "$home/images"
  key="$(sha256sum <"$binary") $*"
  [[ ! -f $mark || $(<"$mark") != "$key" ]] || return 0
  [[ -x $dir/images/image ]] || compile "$dir/images/image" "$repo/hack/tools" ./image
  "$dir/images/image" -binary "$binary" -name "$ref" -o "$mark.tar" "$@" >/dev/null
  ctr --address "$socket" --namespace k8s.io images import --snapshotter "$(snapshotter)" "$mark.tar" >/dev/null
  rm "$mark.tar"
  echo "$key" >"$mark"
  say "$node: loaded $ref"
}
