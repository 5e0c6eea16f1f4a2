# Everything a person does with this repository. "make" lists it.
export CGO_ENABLED = 0
GO      ?= go
BOXFILE  = bin/boxfile
# Not paid for on every start: the garbage collector's marks beside each page of small
# objects (a choice that Go 1.26 has), and space between functions (docs/architecture.md).
RELEASE  = $(if $(findstring go1.26,$(shell $(GO) env GOVERSION)),GOEXPERIMENT=nogreenteagc)
LDFLAGS  = -s -w -funcalign=16
SOURCES := $(shell find . -name '*.go' -not -path './bin/*') go.mod go.sum $(wildcard schema/*.json)

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BOXFILE) ## bin/boxfile
$(BOXFILE): $(SOURCES)
	$(RELEASE) $(GO) build -trimpath -ldflags='$(LDFLAGS)' -o $@ ./cmd/boxfile

demo: build ## run examples/hello.yaml and show what the box cannot see
	@.ci/demo $(BOXFILE)

test: build ## every test this machine can run, then what was skipped and why; TEST=-short is quick
	@.ci/test $(TEST)

test-vm: ## the tests that run boxes, in a VM with cgroup v2 alone; RUN=regexp selects
	@.ci/test-vm

test-escape: build ## published escapes, tried on bin/boxfile; ESCAPE=-short is quick
	BOXFILE_TEST_BINARY=$(CURDIR)/$(BOXFILE) $(GO) test ./cmd/boxfile/internal/escape -run TestEscape -v -count=1 -parallel=5 $(ESCAPE)

peers: build ## what a box can see and do by default, beside the other programs that are installed
	BOXFILE_TEST_BINARY=$(CURDIR)/$(BOXFILE) $(GO) test ./cmd/boxfile/internal/escape -run 'TestNoPeersDefaultIsTighter' -v -count=1

bench: build ## start-up, ports and terminals beside others, in turns; BENCH="-only tty"
	@mkdir -p bin
	$(GO) build -trimpath -o bin/bench ./cmd/boxfile/internal/bench
	bin/bench -boxfile $(BOXFILE) $(BENCH)

lint: ## formatting, vet, golangci-lint, shellcheck
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	golangci-lint run
	shellcheck contrib/review cmd/boxfile/testdata/apt/make .ci/run .ci/test .ci/test-vm .ci/vm .ci/demo $(addprefix .ci/inside/,setup early init main as-tester)

fuzz: ## every fuzz target for FUZZTIME (10s)
	@.ci/fuzz $(or $(FUZZTIME),10s)

golden: ## rewrite golden files and generated code; look at the diff
	$(GO) generate ./...
	$(GO) test -p 1 ./compiler/render ./executor/program -update
	UPDATE_SCRIPTS=1 $(GO) test ./cmd/boxfile -run TestThePageOfExplain

man: ## docs/man from the table of verbs
	$(GO) run ./cmd/boxfile/internal/man docs/man

cross: ## build for every platform that is promised
	for arch in amd64 arm64; do $(RELEASE) GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags='$(LDFLAGS)' -o bin/boxfile-linux-$$arch ./cmd/boxfile || exit 1; done
	GOOS=linux GOARCH=arm64 $(GO) vet ./...
	for os in darwin windows; do GOOS=$$os $(GO) build ./schema/... ./compiler/... ./cmd/boxfile || exit 1; done

clean: ## what was built
	rm -rf bin

.PHONY: help build demo test test-vm test-escape peers bench lint fuzz golden man cross clean
