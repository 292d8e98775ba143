#!/bin/sh
# Fuzzes the readers of bytes from outside with libFuzzer.
#
#   sh Fuzz/run.sh [SECONDS [READER ...]]     60 seconds for each reader without arguments
#
# Readers: onnx safetensors npy npz idx card pith-directory pith-blocks pith-container. What is found is left in
# Fuzz/.build/findings/READER; a fixed one belongs into Fuzz/FailCases/READER, which the ordinary tests replay. Inputs that
# reach new code stay in Fuzz/.build/corpus for the next call.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- onnx safetensors npy npz idx card pith-directory pith-blocks pith-container

# The instrumented build and the plain one, which makes the seeds, do not share objects.
build() { swift build -c release --package-path "$here" "$@"; }
build --scratch-path "$here/.build/plain" --product Seeds
"$here/.build/plain/release/Seeds" "$here/.build/corpus"

program() {
    case $1 in
    onnx) echo FuzzONNX ;;
    safetensors) echo FuzzSafetensors ;;
    npy) echo FuzzNPY ;;
    npz) echo FuzzNPZ ;;
    idx) echo FuzzIDX ;;
    card) echo FuzzCard ;;
    pith-directory) echo FuzzDirectory ;;
    pith-blocks) echo FuzzBlocks ;;
    pith-container) echo FuzzContainer ;;
    *)
        echo "fuzz: there is no reader '$1'" >&2
        exit 2
        ;;
    esac
}

failed=0
for reader in "$@"; do
    name=$(program "$reader")
    build --scratch-path "$here/.build/fuzz" --product "$name" -Xswiftc -sanitize=fuzzer
    mkdir -p "$here/.build/findings/$reader" "$here/.build/corpus/$reader" "$here/FailCases/$reader"
    "$here/.build/fuzz/release/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$here/.build/findings/$reader/" \
        "$here/.build/corpus/$reader" "$here/FailCases/$reader" || failed=1
done
exit $failed
