"""The errors that a person is meant to read.

Every message says what is wrong, the value seen, what is accepted and what to do next. It never
contains a patient's name, ID or birth date.
"""

from __future__ import annotations


class LungPNetError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what the command line returns."""

    exit_code = 1


class InputError(LungPNetError):
    """The images, masks, tables or options given cannot be used as they are."""

    exit_code = 2


class DependencyError(LungPNetError):
    """A package, device or codec that this step needs is missing."""

    exit_code = 3


class ModelError(LungPNetError):
    """Weights are missing, damaged, unknown to the registry or do not fit the network."""

    exit_code = 4


class OutputError(LungPNetError):
    """The result could not be written (disk full, no permission)."""

    exit_code = 1


class Cancelled(LungPNetError):
    """The person or the host asked the run to stop."""

    exit_code = 130
