#!/bin/sh
# What a change must pass besides the tests: formatting, and the ceilings of the house style.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0
files=$(git ls-files 'Sources/*.swift' 'Tests/*.swift' Package.swift | grep -v '\.pb\.swift$')
echo "$files" | xargs swift format lint --strict || failed=1
for file in $files; do
    lines=$(wc -l < "$file")
    if [ "$lines" -gt 400 ]; then
        echo "$file has $lines lines; the ceiling is 400" >&2
        failed=1
    fi
done
exit $failed
