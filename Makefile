# Everything a developer or a CI runs. `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

IMAGES := manager dispatcher vendorsim
IMG_REGISTRY ?= ghcr.io/offlinepush
IMG_TAG ?= $(shell git describe --tags --always --dirty)
# For example TESTFLAGS='-v -run TestQueue'.
TESTFLAGS ?=
# Where the demo's app keeps its data: sqlite or postgres.
STORE ?= sqlite

K8S = hack/k8s/build.sh
TOOLS = $$(hack/tools/build.sh)
MODULES = $$(git ls-files '*go.mod' | xargs -n1 dirname)

.PHONY: help
help:
	@awk -F ':.*## ' '/^##@/ { print substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Code

.PHONY: generate
generate: ## Generate deep copies, apply configurations, CRDs, RBAC and the API reference.
	tools=$(TOOLS)
	"$$tools/controller-gen" object applyconfiguration crd rbac:roleName=offlinepush-manager \
		paths=./api/... paths=./controllers/... output:crd:dir=config/crd/bases output:rbac:dir=config/rbac
	mkdir -p docs/spec
	"$$tools/crd-ref-docs" --log-level=ERROR --config=hack/tools/crd-ref-docs.yaml --renderer=markdown \
		--source-path=api/v1alpha1 --output-path=docs/spec/reference.md

.PHONY: fmt
fmt: ## Format all Go code (gofumpt, goimports).
	$(TOOLS)/golangci-lint fmt . hack/tools hack/interop hack/observability

.PHONY: lint
lint: ## Run golangci-lint with kube-api-linter over every module of ours.
	lint=$(TOOLS)/golangci-lint
	"$$lint" run ./...
	for module in hack/tools hack/interop hack/observability; do (cd "$$module" && "$$lint" run ./...); done

.PHONY: tidy
tidy: ## Tidy every module.
	for module in $(MODULES); do go -C "$$module" mod tidy; done

.PHONY: api-check
api-check: ## Fail if docs/api breaks programs that were written for docs/api/released.
	hack/api.sh check

.PHONY: api-release
api-release: ## Take docs/api as what is released from now on.
	hack/api.sh release

.PHONY: crd-check
crd-check: generate ## Fail if the CRDs refuse or drop what people applied to config/crd/released.
	go run ./hack/crd config/crd/released config/crd/bases

.PHONY: crd-release
crd-release: ## Take the CRDs as what is released from now on.
	cp config/crd/bases/*.yaml config/crd/released/

.PHONY: contract-release
contract-release: ## Take what manager and dispatchers say to each other as what is released from now on.
	go test -count 1 ./hack/contract -args -release

.PHONY: verify
verify: generate fmt tidy lint api-check crd-check ## All of the above but the releases, then fail if that changed or left anything uncommitted.
	@changed=$$(git status --porcelain --untracked-files=all)
	if [[ -n $$changed ]]; then
		printf 'verify: these files differ from what is committed:\n%s\n' "$$changed" >&2
		echo 'verify: look at them with git diff, then commit what make verify wrote, or ignore what does not belong here.' >&2
		exit 1
	fi

##@ Tests

.PHONY: test
test: ## Run all tests that need no node: unit, envtest on the newest and oldest Kubernetes, end to end over HTTP.
	# The cache of go test does not see which API server TestMain starts, hence -count 1 for the second.
	hack/debian.sh cc=gcc /usr/include/stdlib.h=libc6-dev ip=iproute2 iptables=iptables
	hack/postgres/install.sh
	$(K8S) envtest
	OFFLINEPUSH_K8S_BIN=$$($(K8S) --print-path newest) go test -race -timeout 30m $(TESTFLAGS) ./...
	# Ten thousand people are too many for the race detector.
	go test -count 1 -timeout 30m $(TESTFLAGS) -run TestGroupOfTenThousand ./hack/e2e/http
	# So are many apps; their manager's memory is measured, besides.
	OFFLINEPUSH_K8S_BIN=$$($(K8S) --print-path newest) go test -count 1 -timeout 30m $(TESTFLAGS) -run TestThousandAppsAndChannels ./controllers/fleet \
		-args -apps 100
	OFFLINEPUSH_K8S_BIN=$$($(K8S) --print-path oldest) go test -race -count 1 -timeout 30m $(TESTFLAGS) ./config/... ./controllers/...
	go -C hack/tools test -race -timeout 30m $(TESTFLAGS) ./...
	go -C hack/interop test -race -timeout 30m $(TESTFLAGS) ./...
	# Prometheus's own code is most of it, and none of ours runs at the same time: not under the race detector.
	go -C hack/observability test -timeout 30m $(TESTFLAGS) ./...

# How long each of the targets runs; an hour each is for a weekend.
FUZZTIME ?= 1s

.PHONY: fuzz
fuzz: ## Fuzz every parser of foreign bytes for FUZZTIME; what fails becomes a seed.
	go run ./hack/fuzz -time $(FUZZTIME)

.PHONY: e2e
e2e: node ## Run the demo's steps, the scenarios, what Flux does, the core faults and upgrades under load as assertions on real nodes (root).
	hack/cluster/load.sh postgres flux
	eval "$$(hack/cluster/env.sh)"
	# One after the other: there is one operator on the node.
	go test -tags e2e -count 1 -p 1 -timeout 30m $(TESTFLAGS) ./hack/e2e/cluster ./hack/e2e/gitops ./hack/e2e/faults
	$(MAKE) two-nodes
	go test -tags e2e -count 1 -timeout 30m $(TESTFLAGS) ./hack/e2e/upgrade

# One fault of the matrix, such as FAULT='wrong topic'; all of them when empty.
FAULT ?=

.PHONY: faults
faults: node ## Break apps in twenty ways on a real node, and write what their status said to docs/faults.md (root).
	hack/cluster/load.sh postgres
	eval "$$(hack/cluster/env.sh)"
	go test -tags e2e -v -count 1 -timeout 30m $(TESTFLAGS) ./hack/e2e/faults -args -all -only '$(FAULT)' \
		-report '$(if $(FAULT),,$(CURDIR)/docs/faults.md)'

# What make chaos repeats; SEED=0 takes a new one, and docs/reliability.md says which.
SEED ?= 0
DURATION ?= 20m
RATE ?= 260
FAULTS ?= 44

.PHONY: chaos
chaos: ## Break a running app for 20 minutes and write what became of its messages to docs/reliability.md.
	hack/debian.sh cc=gcc /usr/include/stdlib.h=libc6-dev
	hack/postgres/install.sh
	go test -v -count 1 -timeout 2h -run TestChaos ./hack/e2e/chaos -args -seed $(SEED) -duration $(DURATION) -rate $(RATE) \
		-faults $(FAULTS) -report $(CURDIR)/docs/reliability.md

.PHONY: bench
bench: ## Run the benchmarks.
	go test -run '^$$' -bench . -benchmem $(TESTFLAGS) ./dispatcher/... ./hack/e2e/fair

##@ Try it

.PHONY: node
node: ## Start the local Kubernetes node and load the images into it (root).
	hack/cluster/up.sh
	hack/cluster/load.sh

.PHONY: two-nodes
two-nodes: ## Like node, with a second node, metrics-server and the images that upgrades go to.
	hack/cluster/up.sh 2
	hack/cluster/load.sh manager dispatcher vendorsim postgres metrics-server manager:next dispatcher:next

.PHONY: demo
demo: node ## From YAML to a push on a phone, on a real node (root; the first time builds Kubernetes). STORE=postgres: three dispatchers.
	@[[ $(STORE) != postgres ]] || hack/cluster/load.sh postgres
	eval "$$(hack/cluster/env.sh)"
	go run ./hack/demo -store=$(STORE)

.PHONY: demo-down
demo-down: ## Stop the local node and leave nothing behind.
	hack/cluster/down.sh

##@ Deliver

.PHONY: build
build: ## Build the static binaries into bin/.
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/ ./cmd/...

.PHONY: images
images: $(IMAGES:%=dist/%.tar) ## Build the images into dist/, without Docker.

dist/%.tar: build
	mkdir -p dist
	go -C hack/tools run ./image -binary '$(CURDIR)/bin/$*' -name '$(IMG_REGISTRY)/$*:$(IMG_TAG)' -o '$(CURDIR)/$@'

.PHONY: push $(IMAGES:%=push-%)
push: $(IMAGES:%=push-%) ## Push the images to IMG_REGISTRY, with the credentials of docker login.

$(IMAGES:%=push-%): push-%: build
	go -C hack/tools run ./image -binary '$(CURDIR)/bin/$*' -name '$(IMG_REGISTRY)/$*:$(IMG_TAG)' -push

.PHONY: deploy
deploy: push ## Install into the cluster of KUBECONFIG with images from IMG_REGISTRY.
	$(K8S) newest/kubectl
	kubectl=$$($(K8S) --print-path newest)/kubectl
	"$$kubectl" kustomize config/default |
		sed 's#ghcr.io/offlinepush/\([a-z]*\):dev#$(IMG_REGISTRY)/\1:$(IMG_TAG)#' |
		"$$kubectl" apply --server-side -f -
