# Each target is one script or one ninja target; the scripts say what they do with --help.

.DEFAULT_GOAL := build
.PHONY: help setup build programs run test bench soak fuzz lint format asan tsan clean

help:
	@echo 'make setup     install the Debian packages that are missing'
	@echo 'make build     build everything; the binary is build/realm (the default)'
	@echo 'make programs  build the guest programs'
	@echo 'make run       build, serve the default model, ask ASK="..." (ONCE=1: then stop)'
	@echo 'make test      build, then run all tests'
	@echo 'make bench     measure; the results go to build/bench.json'
	@echo 'make fuzz      run the fuzzers, each for FUZZ_SECONDS (600)'
	@echo 'make soak      the hostile corpus beside a tenant that behaves well, ROUNDS=1000'
	@echo 'make lint      format, include direction, shell scripts, headers, clang-tidy'
	@echo 'make format    format all C and C++ files'
	@echo 'make asan      unit tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make tsan      unit tests under ThreadSanitizer'
	@echo 'make clean     remove build/ (what is cached outside the checkout stays)'

setup:
	@scripts/setup.sh

build:
	@scripts/build.sh

programs:
	@scripts/build.sh programs

run:
	@scripts/run.sh

test:
	@scripts/test.sh

bench:
	@scripts/bench.sh

fuzz:
	@scripts/fuzz.sh

soak:
	@scripts/soak.sh $(ROUNDS)

lint:
	@scripts/lint.sh

format:
	@scripts/format.sh

asan tsan:
	@scripts/sanitize.sh $@

clean:
	rm -rf build
