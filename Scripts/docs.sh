#!/bin/sh
# Builds the documentation of every library from the modules of the tests' build, with warnings as errors: a link that
# leads nowhere or a parameter that does not exist fails. Takes half a minute and fetches nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
build=.build/tests/release

if ! command -v docc >/dev/null 2>&1 || ! command -v swift-symbolgraph-extract >/dev/null 2>&1; then
    echo "docs: docc is not part of this Swift, so the documentation is not checked" >&2
    exit 0
fi
if [ ! -e "$build/Modules/PithReport.swiftmodule" ]; then
    echo "docs: the tests are not built; run 'make test' first" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
target=$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p' | head -n 1)
set --
for map in "$build"/*.build/module.modulemap Sources/CZlib/module.modulemap; do
    if [ -e "$map" ]; then set -- "$@" -Xcc "-fmodule-map-file=$map"; fi
done
# C modules of packages have their maps beside their headers.
for headers in .build/tests/checkouts/*/Sources/*/include; do set -- "$@" -Xcc "-I$headers"; done

failed=0
for module in PithReader PithTensor PithModel PithCoding PithFormats PithRuntime PithEvaluation PithCompression PithReport; do
    mkdir "$work/$module"
    if ! swift-symbolgraph-extract -module-name "$module" -I "$build/Modules" -target "$target" "$@" \
        -minimum-access-level package -skip-inherited-docs -output-dir "$work/$module" ||
        ! docc convert --additional-symbol-graph-dir "$work/$module" --fallback-display-name "$module" \
            --fallback-bundle-identifier "pith.$module" --warnings-as-errors --output-path "$work/$module.doccarchive" \
            >"$work/log" 2>&1; then
        cat "$work/log" >&2
        echo "docs: $module has errors in its documentation" >&2
        failed=1
    fi
done
exit $failed
