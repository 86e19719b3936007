#!/usr/bin/env bash
# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
# enter.sh TREE REPOSITORY COMMAND...: run a command in a Debian tree, with the repository read-only at /src.
#
# The mounts are private to the command, so that nothing is left to unmount, however it ends.
set -euo pipefail
tree=$1 repository=$2
shift 2

# shellcheck disable=SC2016  # expanded inside
exec unshare --mount bash -c '
    set -euo pipefail
    tree=$1 repository=$2
    shift 2
    mount --make-rprivate /
    mount -t proc proc "$tree/proc"
    mount --rbind /dev "$tree/dev"
    mount -t tmpfs tmpfs "$tree/tmp"
    mkdir -p "$tree/src"
    mount --bind "$repository" "$tree/src"
    mount -o remount,bind,ro "$tree/src"
    virtual=$tree/usr/share/libcamera/pipeline/virtual/virtual.yaml
    [ ! -e "$virtual" ] || mount --bind "$repository/test/picamera/virtual.yaml" "$virtual"
    exec chroot "$tree" "$@"
' enter "$tree" "$repository" "$@"
