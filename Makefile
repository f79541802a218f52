# Everything that is done with this repository, one target each; `make help` lists them.
# `make test` needs Go and a C compiler, and installs the compiler (apt-get) where it is missing.

GO       ?= go
FUZZTIME ?= 10s
KILLS    ?= 200
SOAK     ?= 3m
MODELS   ?= 10000
TOOLS     = ./testdata/bench ./testdata/chains ./testdata/measure ./testdata/soak

.DEFAULT_GOAL := help
.PHONY: help build demo test check lint race docs fuzz bench bench-long bench-chains test-servers crash disk model soak alerts tidy compiler

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: compiler ## build the command into bin/runner
	$(GO) build -o bin/runner ./cmd/runner

demo: compiler ## serve the demo API on 127.0.0.1:8930 until Ctrl-C
	$(GO) run ./cmd/runner demo

test: compiler ## run all tests of the product
	$(GO) test ./...

check: lint test ## what to run before a commit: lint and all tests, under 5 minutes

lint: compiler ## gofmt, go vet, staticcheck
	@echo "gofmt -l"; out=$$(gofmt -l .) && test -z "$$out" || { echo "not formatted:"; echo "$$out"; exit 1; }
	$(GO) vet ./... $(TOOLS)
	$(GO) vet -tags disk,faultpoints ./cmd/runner ./runtime
	$(GO) tool staticcheck ./... $(TOOLS)
	cd testdata/servers && $(GO) vet ./...

race: compiler ## all tests under the race detector
	$(GO) test -race ./...

docs: compiler ## the repository's rules and the examples of README and docs/
	$(GO) test -count=1 ./docs

fuzz: compiler ## every fuzz target for FUZZTIME (10s) each; FUZZ=regexp picks some
	FUZZTIME=$(FUZZTIME) GO=$(GO) .ci/fuzz '$(or $(FUZZ),.)'

bench: compiler ## drain 2,000,000 records from loopback into each sink, against a plain net/http loop
	$(GO) run ./testdata/bench

bench-long: compiler ## 400,000,000 records counted and hashed, 40,000,000 into a file, each killed twice (about 10 minutes)
	$(GO) run ./testdata/bench -long -kills 2
	$(GO) run ./testdata/bench -long -kills 2 -records 40000000 -to 'jsonl:{dir}/out.jsonl'

bench-chains: compiler ## what many chains cost: parents, 100,000 chains, pages in flight (about 12 minutes)
	$(GO) run ./testdata/chains

test-servers: compiler ## drain a real container registry and a real PocketBase, killed on the way
	cd testdata/servers && $(GO) test -count=1 ./registry ./pocketbase && $(GO) test -count=1 -timeout 20m -v .

crash: compiler ## kill -9 a run KILLS (200) times: every record exactly once, in order
	$(GO) test -count=1 -timeout 20m -v -run '^TestKill' ./cmd/runner -kills $(KILLS)

disk: compiler ## let writes and syncs of a run fail one after the other (Debian package strace)
	$(GO) test -count=1 -tags disk -v -run '^TestDisk$$' ./cmd/runner

model: compiler ## drain MODELS (10000) random APIs with random faults; a seed that fails prints its replay
	$(GO) test -count=1 -timeout 60m -run '^TestModel$$' ./runtime -model-seeds $(MODELS)

soak: compiler ## 300 connectors, 100 runs in flight, reloads, pauses, kills of the service, for SOAK (3m)
	$(GO) run ./testdata/soak -time $(SOAK)

alerts: ## check the alert rules with promtool (Debian package prometheus)
	promtool check rules docs/alerts.yml

tidy: ## bring go.mod and go.sum in line with the imports
	$(GO) mod tidy
	cd testdata/servers && $(GO) mod tidy

# SQLite is compiled with cgo, which needs a C compiler and libc's headers.
compiler:
	@command -v $$($(GO) env CC) >/dev/null || { \
	  echo "installing gcc and libc6-dev: SQLite is compiled with cgo"; \
	  root=; test "$$(id -u)" = 0 || root=sudo; \
	  $$root apt-get update -q && $$root apt-get install -qy --no-install-recommends gcc libc6-dev; }
