#!/bin/sh
# What a change must pass besides the tests: formatting, and the ceilings of length of the house style (a file 400
# lines, a function 50). Needs no build.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

# Files that git knows or would take, and that are there.
listed() {
    git ls-files --cached --others --exclude-standard "$@" | while read -r file; do
        if [ -f "$file" ]; then echo "$file"; fi
    done
}

swift_files=$(listed 'Sources/*.swift' 'Tests/*.swift' Package.swift | grep -v '\.pb\.swift$')
c_files=$(listed 'Sources/*.c' 'Sources/*.h')

if swift format --version >/dev/null 2>&1; then
    echo "$swift_files" | xargs swift format lint --strict || failed=1
else
    echo "check: 'swift format' is not part of this Swift, so the formatting is not checked" >&2
fi

# shellcheck disable=SC2086 # names in the repository have no spaces
awk '
    function complain(text) { print text > "/dev/stderr"; bad = 1 }
    function endfile() { if (lines > 400) complain(name " has " lines " lines; the ceiling is 400") }
    FNR == 1 {
        if (NR > 1) endfile()
        name = FILENAME
        split("", start)
    }
    { lines = FNR }
    # Formatted code: a body ends with a brace under the first letter of its declaration.
    {
        match($0, /^ */)
        depth = RLENGTH
        text = substr($0, depth + 1)
    }
    FILENAME ~ /\.swift$/ && text ~ /^([a-z@][a-zA-Z()@]* |@[A-Z][A-Za-z]*\(.*\) )*(func |init[?(<]|deinit |subscript[(<]|var [^=]*\{$)/ {
        if (text !~ /\}$/) start[depth] = FNR
        next
    }
    FILENAME ~ /\.[ch]$/ && depth == 0 && text ~ /^[a-z].*\(/ && text !~ /;$/ && text !~ /\}$/ {
        if (!(0 in start)) start[0] = FNR
        next
    }
    text ~ /^\}/ {
        if (depth in start && FNR - start[depth] + 1 > 50)
            complain(FILENAME ":" start[depth] ": a function of " FNR - start[depth] + 1 " lines; the ceiling is 50")
        for (other in start) if (other + 0 >= depth) delete start[other]
    }
    END {
        endfile()
        exit bad
    }
' $swift_files $c_files || failed=1

exit $failed
