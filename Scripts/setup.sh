#!/bin/sh
# Installs what building and running Pith needs and this machine lacks. Safe to run again: what is there stays.
#
#   zlib's headers            for building; from Debian's packages or Homebrew
#   zstd, LZ4, LZO, brotli    for `pith pack --codec`, opened when asked for; from Debian's packages or Homebrew, if they can
#   ONNX Runtime's library    for commands that run models; from the Python package index, checked by its hash,
#                             into $XDG_DATA_HOME/pith/onnxruntime (or ~/.local/share/pith/onnxruntime)
#
# ONNX Runtime is not fetched when version 1.17 or later is there already: the one that PITH_ONNXRUNTIME names, in the
# folder above, in the system's folders for libraries, or known to the loader. Without one and without a network this
# says what to install and ends with 0: building, and everything that does not run models, works.
# PITH_WHEEL_URL names another folder to fetch the package from when pip can not.

set -eu

version=1.31.1
wheel_folder=${PITH_WHEEL_URL:-https://files.pythonhosted.org/packages/cp311/o/onnxruntime}
home=${XDG_DATA_HOME:-${HOME:?HOME is not set, so there is no place for ONNX Runtime}/.local/share}
prefix=$home/pith/onnxruntime

say() { printf 'setup: %s\n' "$*"; }
warn() { printf 'setup: %s\n' "$*" >&2; }

# The system's package manager, as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$@"; else return 1; fi
}

apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    say "installing $*"
    set -- env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    as_root "$@" >/dev/null 2>&1 || { as_root apt-get update >/dev/null 2>&1 && as_root "$@" >/dev/null; }
}

has_zlib() {
    [ -e /usr/include/zlib.h ] && return 0
    [ "$(uname -s)" = Darwin ] || return 1
    sdk=$(xcrun --show-sdk-path 2>/dev/null) && [ -e "$sdk/usr/include/zlib.h" ] && return 0
    brew list zlib >/dev/null 2>&1
}

install_zlib() {
    has_zlib && return 0
    case $(uname -s) in
    Darwin) command -v brew >/dev/null 2>&1 && brew install zlib ;;
    *) apt_install zlib1g-dev ;;
    esac
}

# The libraries of codecs; without them everything but those codecs works.
install_codecs() {
    if [ "$(uname -s)" = Darwin ]; then
        command -v brew >/dev/null 2>&1 && brew install --quiet zstd lz4 lzo brotli >/dev/null 2>&1
        return 0
    fi
    known=$(ldconfig -p 2>/dev/null || true)
    missing=
    for pair in libzstd.so.1=libzstd1 liblz4.so.1=liblz4-1 liblzo2.so.2=liblzo2-2 libbrotlienc.so.1=libbrotli1; do
        case $known in *"${pair%%=*}"*) ;; *) missing="$missing ${pair#*=}" ;; esac
    done
    # shellcheck disable=SC2086 # names of packages
    [ -z "$missing" ] || apt_install $missing || warn "these codecs can not be installed, and are left out:$missing"
}

# Sets the package's file name, its platform tag for pip, its hash and the library in it.
choose_package() {
    case $(uname -s)/$(uname -m) in
    Linux/x86_64)
        tag=manylinux_2_28_x86_64
        sha256=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
        library=libonnxruntime.so.$version link=libonnxruntime.so ;;
    Linux/aarch64 | Linux/arm64)
        tag=manylinux_2_28_aarch64
        sha256=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
        library=libonnxruntime.so.$version link=libonnxruntime.so ;;
    Darwin/arm64)
        tag=macosx_14_0_arm64
        sha256=60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7
        library=libonnxruntime.$version.dylib link=libonnxruntime.dylib ;;
    *) return 1 ;;
    esac
    wheel=onnxruntime-$version-cp311-cp311-$tag.whl
}

# The version of the library $1 (by its name, else by the version its symbols carry); nothing when it can not be told.
version_of() {
    real=$(readlink -f "$1" 2>/dev/null || printf '%s' "$1")
    [ -s "$real" ] || return 0
    named=$(printf '%s\n' "${real##*/}" |
        sed -n -e 's/^libonnxruntime\.so\.\([0-9]*\.[0-9][0-9.]*\)$/\1/p' \
            -e 's/^libonnxruntime\.\([0-9]*\.[0-9][0-9.]*\)\.dylib$/\1/p')
    if [ -n "$named" ]; then
        printf '%s\n' "$named"
    else
        grep -aom1 'VERS_[0-9]*\.[0-9][0-9.]*' "$real" 2>/dev/null | sed 's/VERS_//' | head -n 1
    fi
}

# Whether the version $1 is 1.17 or later.
is_new_enough() {
    case $1 in *.*) ;; *) return 1 ;; esac
    major=${1%%.*} minor=${1#*.}
    minor=${minor%%.*}
    [ "$major" -gt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -ge 17 ]; }
}

# ONNX Runtime's libraries in the folder $1, one a line.
libraries_in() {
    for file in "$1"/libonnxruntime.so "$1"/libonnxruntime.so.* "$1"/libonnxruntime.dylib "$1"/libonnxruntime.*.dylib; do
        if [ -e "$file" ]; then printf '%s\n' "$file"; fi
    done
}

# What the program would find, in its order, one a line.
installed_libraries() {
    libraries_in "$prefix/lib"
    if [ "$(uname -s)" = Darwin ]; then
        libraries_in /opt/homebrew/lib
        return 0
    fi
    for folder in /usr/local/lib "/usr/lib/$(uname -m)-linux-gnu" /usr/lib64 /usr/lib; do libraries_in "$folder"; done
    printf '%s\n' "${LD_LIBRARY_PATH:-}" | tr ':' '\n' | while read -r folder; do
        if [ -n "$folder" ]; then libraries_in "$folder"; fi
    done
    { ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | sed -n 's/.*libonnxruntime\.so.* => //p'
}

# Sets `found` and `found_version` to the first library that can be used.
find_installed() {
    # Not behind a pipe, where the loop could not set variables.
    list=$(installed_libraries)
    while read -r found; do
        [ -n "$found" ] || continue
        found_version=$(version_of "$found")
        if is_new_enough "$found_version"; then return 0; fi
    done <<END
$list
END
    return 1
}

has_pip() { python3 -m pip --version >/dev/null 2>&1; }

# Fetches the package into the folder $1: by pip, or by curl.
fetch() {
    has_pip || command -v curl >/dev/null 2>&1 || apt_install python3 python3-pip || true
    if has_pip && python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --retries 1 --timeout 20 --platform "$tag" --python-version 3.11 --implementation cp --dest "$1" "onnxruntime==$version" \
        >/dev/null 2>&1 && [ -s "$1/$wheel" ]; then
        return 0
    fi
    command -v curl >/dev/null 2>&1 || return 1
    curl --fail --silent --location --retry 2 --output "$1/$wheel" "$wheel_folder/$wheel"
}

hash_of() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Unpacks the package $1 into the folder $2.
unpack() {
    if command -v unzip >/dev/null 2>&1; then
        unzip -q "$1" "onnxruntime/capi/$library" onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt -d "$2"
    else
        command -v python3 >/dev/null 2>&1 || apt_install python3
        python3 -m zipfile -e "$1" "$2"
    fi
}

without_runtime() {
    warn "$1"
    warn "Commands that run models (compress, evaluate, demo) will ask for ONNX Runtime 1.17 or later. Run this again with a"
    warn "network; or get it from https://github.com/microsoft/onnxruntime/releases (or \`pip install onnxruntime\`) and set"
    warn "PITH_ONNXRUNTIME to its library or folder. Building and everything else works."
    exit 0
}

install_runtime() {
    choose_package || without_runtime "there is no ONNX Runtime package for $(uname -s) on $(uname -m)."
    mkdir -p "$home/pith"
    work=$(mktemp -d "$home/pith/setup.XXXXXX")
    trap 'rm -rf "$work"; rmdir "$home/pith" 2>/dev/null || true' EXIT
    trap 'exit 1' HUP INT TERM
    say "fetching ONNX Runtime $version"
    fetch "$work" || without_runtime "ONNX Runtime $version can not be fetched: is there a network?"
    found=$(hash_of "$work/$wheel")
    if [ "$found" != "$sha256" ]; then
        warn "$wheel is not the file it should be, so it is not used."
        warn "Its SHA-256 is $found, not $sha256."
        exit 1
    fi
    unpack "$work/$wheel" "$work/package"
    mkdir -p "$work/new/lib"
    mv "$work/package/onnxruntime/capi/$library" "$work/new/lib/"
    mv "$work/package/onnxruntime/LICENSE" "$work/package/onnxruntime/ThirdPartyNotices.txt" "$work/new/"
    ln -s "$library" "$work/new/lib/$link"
    printf '%s %s\n' "$version" "$sha256" >"$work/new/stamp"
    rm -rf "$prefix"
    mv "$work/new" "$prefix"
    say "ONNX Runtime $version is in $prefix"
}

if ! install_zlib; then
    warn "zlib's headers are missing and can not be installed; building needs them."
    warn "Install zlib1g-dev (Debian), zlib-devel (Fedora) or zlib (Homebrew)."
    exit 1
fi
install_codecs
if [ -n "${PITH_ONNXRUNTIME:-}" ]; then
    if [ ! -e "$PITH_ONNXRUNTIME" ]; then
        warn "PITH_ONNXRUNTIME names $PITH_ONNXRUNTIME, which does not exist. Correct it, or unset it to install one."
        exit 1
    fi
    say "using the ONNX Runtime of PITH_ONNXRUNTIME: $PITH_ONNXRUNTIME"
elif find_installed; then
    say "ONNX Runtime $found_version is installed: $found"
else
    install_runtime
fi
