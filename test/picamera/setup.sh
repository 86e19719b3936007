#!/usr/bin/env bash
# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
# setup.sh TREE: make a Debian 13 tree in which picamera2 runs on libcamera's virtual cameras, with ROS 2 Kilted.
#
# Debian's libcamera comes from backports, for its virtual pipeline; everything else is Python's wheels, in the
# versions of requirements/*.txt, on Debian's Python 3.13. Takes root, and about 800 MB.
set -euo pipefail
tree=$1
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)

# The mirror that this machine already uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | grep -m1 -E '/debian/?$') || {
    echo "apt has no mirror of Debian among its sources" >&2
    exit 1
}

options=(
    # A mirror may hold a fixed day's state.
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"'
    --aptopt='APT::Install-Recommends "0"'
)
for unused in doc man locale; do options+=(--dpkgopt="path-exclude=/usr/share/$unused/*"); done
mmdebstrap --variant=apt --skip=check/qemu "${options[@]}" \
    --include=ca-certificates,python3-venv,python3-prctl,python3-libcamera/trixie-backports \
    trixie "$tree" "deb $mirror trixie main" "deb $mirror trixie-backports main"
install -D /dev/null "$tree/usr/share/libcamera/pipeline/virtual/virtual.yaml" # enter.sh lays ours over it

# The registry of Python packages is reached as from this machine.
for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
    [ ! -f "$file" ] || install -Dm644 "$file" "$tree$file"
done
inside() {
    "$here/enter.sh" "$tree" "$repository" env -u PIP_FIND_LINKS -u PYTHONPATH HOME=/root TMPDIR=/tmp "$@"
}
inside python3 -m venv --system-site-packages /opt/picamera
inside /opt/picamera/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --ignore-installed \
    --only-binary :all: --require-hashes -r /src/requirements/bootstrap.txt
# Without their dependencies: all are listed, but those of picamera2 that only its windows and raw files need.
inside /opt/picamera/bin/uv pip install --quiet --no-cache --python /opt/picamera/bin/python \
    --no-build-isolation --no-deps --require-hashes -r /src/requirements/run.txt \
    -r /src/requirements/ros-kilted.txt -r /src/test/picamera/requirements.txt
