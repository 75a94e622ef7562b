#!/bin/sh
# What the tests need beside Python packages. Installed where apt-get and root are at hand; elsewhere
# this says what is missing: the DICOM tests that need the validator are skipped, the host's tests
# cannot draw.
#   dicom3tools                      dciodvfy, the DICOM validator
#   libegl1 libgl1 libgl1-mesa-dri   OpenGL in software, without a screen (VTK)
#   libegl-mesa0
#   libglib2.0-0 libfontconfig1      Qt
#   libfreetype6 libxkbcommon0 libdbus-1-3
#   libx11-6 libbrotli1 libgssapi-krb5-2
#   fonts-dejavu-core                letters in the pictures of panels
set -eu
packages="dicom3tools libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri libglib2.0-0 libfontconfig1
libfreetype6 libxkbcommon0 libdbus-1-3 libx11-6 libbrotli1 libgssapi-krb5-2 fonts-dejavu-core"
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "Not Debian or Ubuntu; the tests need the like of:" $packages >&2
    exit 0
fi
missing=""
for package in $packages; do
    # libglib2.0-0 and others have a t64 name in newer releases.
    if ! dpkg-query -W -f '${Status}\n' "$package" "${package}t64" 2>/dev/null | grep -q "ok installed"
    then
        missing="$missing $package"
    fi
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Missing; on Debian or Ubuntu: sudo apt-get install$missing" >&2
fi
