#!/bin/sh
# The DICOM validator that the tests use (dciodvfy). Installed where apt-get and root are at hand;
# elsewhere the tests that need it are skipped and say so.
set -eu
if command -v dciodvfy >/dev/null 2>&1; then
    exit 0
fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dicom3tools >/dev/null
else
    echo "dciodvfy is missing; on Debian or Ubuntu: sudo apt-get install dicom3tools" >&2
fi
