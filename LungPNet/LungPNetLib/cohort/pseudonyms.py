"""Names for patients in a cohort that lead back to them only with the site's secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from filelock import FileLock

from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.folders import data_folder

_SALT_BYTES = 32
_LETTERS = 12
_PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def propose_pseudonym(identifier: str, salt: bytes) -> str:
    """A pseudonym for whoever has this identifier: always the same at one site.

    Parameters
    ----------
    identifier : str
        Such as the PatientID of the DICOM files. It cannot be read from the pseudonym, nor guessed
        by trying all of them, without the salt.
    salt : bytes
        The site's secret, 16 bytes or more; see :func:`site_salt`.

    Returns
    -------
    str
        ``P-`` and 12 letters and digits (60 bits of an HMAC-SHA256).

    Raises
    ------
    InputError
        The identifier is empty, or the salt is short.

    Examples
    --------
    >>> propose_pseudonym("12345", b"0123456789abcdef")
    'P-BJYB7FXFOMKV'
    """
    if not identifier.strip():
        raise InputError("There is no identifier to make a pseudonym of; enter a pseudonym.")
    if len(salt) < _SALT_BYTES // 2:
        raise InputError(f"The site's salt has {len(salt)} bytes; at least 16 are needed.")
    digest = hmac.new(salt, identifier.strip().encode(), hashlib.sha256).digest()
    return "P-" + base64.b32encode(digest).decode()[:_LETTERS]


def site_salt(path: Path | None = None) -> bytes:
    """The secret of this site; made at the first call, then read from its file.

    Whoever has it can tell whether a pseudonym belongs to a patient whose ID they know, so only
    the user's own account may read the file. Without it, patients get other pseudonyms than before.

    Parameters
    ----------
    path : Path, optional
        ``site-salt`` in the user's data folder by default.

    Raises
    ------
    InputError
        The file is not a salt.
    OutputError
        It cannot be made or read.
    """
    path = path or data_folder() / "site-salt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_salt(path)
        salt = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise OutputError(f"The site's salt '{path}' cannot be made or read: {error}.") from error
    except ValueError:
        salt = b""
    if len(salt) != _SALT_BYTES:
        raise InputError(
            f"'{path}' does not hold a salt ({2 * _SALT_BYTES} hexadecimal digits). Restore it "
            "from a backup, so that patients keep their pseudonyms, or move it away to have a new "
            "one made."
        )
    return salt


def check_pseudonym(patient_id: str) -> None:
    """Make sure that ``patient_id`` can name a patient in a table of a cohort.

    Raises
    ------
    InputError
        It is empty or holds characters other than Latin letters, digits, ``.``, ``_`` and ``-``.
    """
    if not _PSEUDONYM.fullmatch(patient_id):
        raise InputError(
            "The patient needs a pseudonym of 1 to 64 Latin letters, digits, dots, dashes and "
            "underscores that starts with a letter or digit; this one has "
            f"{len(patient_id)} characters or others among them. Take the one that is proposed, or "
            "enter another."
        )


def _make_salt(path: Path) -> None:
    """Write a new salt in one step; where two processes do, the first one's counts."""
    with FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        partial = path.with_name(f".{path.name}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_SALT_BYTES) + "\n")
        partial.replace(path)
