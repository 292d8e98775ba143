# make demo     installs what is missing, builds, compresses the embedded model and prints what was gained
# make test     the same set-up, then the tests
# make build    set-up and release build: .build/release/pith
# make bench-*  measurements beside other tools (see Benchmarks/README.md)

BUILD = swift build -c release --static-swift-stdlib
PITH = .build/release/pith

.PHONY: build check demo setup test bench bench-int8 bench-clean

demo: build
	$(PITH) demo

build: setup
	$(BUILD) --product pith

setup:
	@sh Scripts/setup.sh

# Test libraries exist for the dynamic standard library only, so tests have a build folder of their own.
test: setup
	PITH_BINARY=$(CURDIR)/.build/tests/release/pith swift test -c release --scratch-path .build/tests

check: test
	sh Scripts/check.sh

bench: bench-int8 bench-clean

bench-int8: build
	sh Benchmarks/run.sh int8

bench-clean: build
	sh Benchmarks/run.sh clean
