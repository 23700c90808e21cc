#!/usr/bin/env bash
# Prints what a shell needs to use the local cluster: eval "$(hack/cluster/env.sh)"
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The reading shell expands PATH.
# shellcheck disable=SC2016
printf 'export KUBECONFIG=%q PATH=%q:"$PATH"\n' "$KUBECONFIG" "$k8s"
