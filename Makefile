# Everything a person does with this repository. "make" lists it.
export CGO_ENABLED = 0
GO      ?= go
BOXFILE  = bin/boxfile
SOURCES := $(shell find . -name '*.go' -not -path './bin/*') go.mod go.sum $(wildcard schema/*.json)

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BOXFILE) ## bin/boxfile
$(BOXFILE): $(SOURCES)
	$(GO) build -trimpath -ldflags='-s -w' -o $@ ./cmd/boxfile

demo: build ## run examples/hello.yaml and show what the box cannot see
	@.ci/demo $(BOXFILE)

test: build ## every test this machine can run, then what was skipped and why
	@.ci/test

bench: build ## start-up beside bubblewrap and others, paired in one run
	@mkdir -p bin
	$(GO) build -trimpath -o bin/bench ./cmd/boxfile/internal/bench
	bin/bench -boxfile $(BOXFILE) $(BENCH)

lint: ## formatting, vet, golangci-lint, shellcheck
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	golangci-lint run
	shellcheck .ci/run .ci/test .ci/demo

fuzz: ## every fuzz target for FUZZTIME (10s)
	@.ci/fuzz $(or $(FUZZTIME),10s)

golden: ## rewrite golden files and generated code; look at the diff
	$(GO) generate ./...
	$(GO) test ./schema/... ./compiler/... ./executor/program/... -update

man: ## docs/man from the table of verbs
	$(GO) run ./cmd/boxfile/internal/man docs/man

cross: ## build for every platform that is promised
	GOOS=linux GOARCH=amd64 $(GO) build -trimpath -o bin/boxfile-linux-amd64 ./cmd/boxfile
	GOOS=linux GOARCH=arm64 $(GO) build -trimpath -o bin/boxfile-linux-arm64 ./cmd/boxfile
	GOOS=linux GOARCH=arm64 $(GO) vet ./...
	for os in darwin windows; do GOOS=$$os $(GO) build ./schema/... ./compiler/... ./cmd/boxfile || exit 1; done

clean: ## what was built
	rm -rf bin

.PHONY: help build demo test bench lint fuzz golden man cross clean
