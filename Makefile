# make demo     installs what is missing, builds, compresses the embedded model and prints what was gained
# make test     the same set-up, then the tests
# make check    formatting and ceilings of length; needs no build
# make docs     the documentation of the libraries, with warnings as errors; needs the tests' build
# make build    set-up and release build: .build/release/pith
# make bench-*  measurements beside other tools (see Benchmarks/README.md)

BUILD = swift build -c release --static-swift-stdlib
PITH = .build/release/pith
TEMPORARY = $(CURDIR)/.build/temporary

.PHONY: build check demo docs setup test bench bench-int8 bench-clean bench-quantization bench-coding

demo: build
	$(PITH) demo

build: setup
	$(BUILD) --product pith

setup:
	@sh Scripts/setup.sh

# Test libraries exist for the dynamic standard library only, so tests have a build folder of their own. What a test that
# is killed leaves in the folder for temporary files goes with that folder.
test: setup
	swift build -c release --build-tests --scratch-path .build/tests
	@rm -rf $(TEMPORARY); mkdir -p $(TEMPORARY)
	TMPDIR=$(TEMPORARY) PITH_BINARY=$(CURDIR)/.build/tests/release/pith \
		swift test -c release --skip-build --scratch-path .build/tests; \
		status=$$?; rm -rf $(TEMPORARY); exit $$status

check:
	sh Scripts/check.sh

docs:
	sh Scripts/docs.sh

bench: bench-int8 bench-clean bench-quantization bench-coding

bench-int8: build
	sh Benchmarks/run.sh int8

bench-clean: build
	sh Benchmarks/run.sh clean

bench-quantization: build
	sh Benchmarks/run.sh quantization

bench-coding: build
	sh Benchmarks/run.sh coding
