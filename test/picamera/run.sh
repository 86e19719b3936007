#!/usr/bin/env bash
# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
# run.sh [PYTEST ARGUMENT...]: run the tests of the real picamera2 on libcamera's virtual cameras, in a Debian 13
# tree of their own, with Python 3.13 and ROS 2 Kilted.
#
# The tree is made once, in the user's cache, and made anew when what it is made from has changed. Where it
# cannot be made, that is said in one line, and the tests are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."

leave_out() {
    echo "picamera2 tests left out: $1"
    exit 0
}

[ "$(. /etc/os-release 2>/dev/null && echo "${ID:-}")" = debian ] || leave_out "this is not Debian"
[ "$(dpkg --print-architecture)" = amd64 ] || leave_out "ROS 2's wheels are for amd64 only"
[ "$(id -u)" -eq 0 ] || leave_out "making a Debian tree takes root"
unshare --mount true 2>/dev/null || leave_out "this machine does not let root have mounts of its own"

made_from=(test/picamera/{setup.sh,enter.sh,requirements.txt} requirements/{bootstrap,run,ros-kilted}.txt)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pi_webrtc_streamer
tree=$cache/picamera-$(cat "${made_from[@]}" | sha256sum | cut -c-16)

unreachable() { # LOG: whether it says that a mirror or registry could not be reached
    grep -qiE 'could ?n[o.]t (resolve|connect)|temporary failure|connection (refused|reset|failed|timed)|unable to connect|network is unreachable|timed? ?out|dns error|error sending request|failed to lookup|from versions: none' "$1"
}

make_tree() {
    local log=$tree.log
    if ! command -v mmdebstrap >/dev/null; then
        tools/apt-install "the picamera2 tests need mmdebstrap" mmdebstrap ||
            leave_out "mmdebstrap cannot be installed"
    fi
    echo "--- Making a Debian tree for the picamera2 tests in $tree: about a minute, 800 MB" >&2
    # An interrupted one has another name.
    rm -rf --one-file-system "$tree.part"
    if ! test/picamera/setup.sh "$tree.part" >"$log" 2>&1; then
        rm -rf --one-file-system "$tree.part"
        if unreachable "$log"; then
            leave_out "a mirror of Debian or the registry of Python packages cannot be reached (see $log)"
        fi
        cat "$log" >&2
        echo "error: the tree for the picamera2 tests cannot be made; what was tried is above" >&2
        exit 1
    fi
    rm -f "$log"
    mv "$tree.part" "$tree"
    remove_others
}

remove_others() { # what was made from other versions of the files, and no test is running in
    local lock other
    for lock in "$cache"/picamera-*.lock; do
        other=${lock%.lock}
        if [ "$other" != "$tree" ] && flock --nonblock "$lock" rm -rf --one-file-system "$other" "$other.part"; then
            rm -f "$lock" "$other.log"
        fi
    done
}

mkdir -p "$cache"
exec 9>"$tree.lock"
if [ ! -d "$tree" ]; then
    flock 9 # two at once: the second waits, then finds the tree
    [ -d "$tree" ] || make_tree
fi
flock --shared 9

domain=$((RANDOM % 101)) # other ROS nodes on this machine are not to be heard
not_ours=(-W 'ignore:setDaemon:DeprecationWarning' -W "ignore:module 'sre_:DeprecationWarning")
exec test/picamera/enter.sh "$tree" "$PWD" env -i \
    PATH=/opt/picamera/bin:/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/src \
    VIRTUAL_CAMERAS=1 ROS_DOMAIN_ID="$domain" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST RCUTILS_COLORIZED_OUTPUT=0 \
    python -m pytest -c /src/pyproject.toml --rootdir=/src -p no:cacheprovider --import-mode=prepend "${not_ours[@]}" \
    --confcutdir=/src/test/picamera /src/test/picamera "$@"
