"""Closed sets of what a clinical form may say."""

from __future__ import annotations

from enum import Enum


class Sex(str, Enum):
    """As in the patient's record."""

    FEMALE = "female"
    MALE = "male"


class SmokingStatus(str, Enum):
    """``NEVER`` is fewer than 100 cigarettes in a life."""

    NEVER = "never"
    FORMER = "former"
    CURRENT = "current"


class TCategory(str, Enum):
    """Primary tumour, TNM 9th edition."""

    TX = "TX"
    T0 = "T0"
    TIS = "Tis"
    T1MI = "T1mi"
    T1A = "T1a"
    T1B = "T1b"
    T1C = "T1c"
    T2A = "T2a"
    T2B = "T2b"
    T3 = "T3"
    T4 = "T4"


class NCategory(str, Enum):
    """Regional lymph nodes, TNM 9th edition, which divides N2 by the number of stations."""

    NX = "NX"
    N0 = "N0"
    N1 = "N1"
    N2A = "N2a"
    N2B = "N2b"
    N3 = "N3"


class MCategory(str, Enum):
    """Distant metastasis, TNM 9th edition, which divides M1c by the number of organ systems."""

    M0 = "M0"
    M1A = "M1a"
    M1B = "M1b"
    M1C1 = "M1c1"
    M1C2 = "M1c2"


class Histology(str, Enum):
    """Main type of the primary tumour."""

    ADENOCARCINOMA = "adenocarcinoma"
    SQUAMOUS_CELL = "squamous cell carcinoma"
    ADENOSQUAMOUS = "adenosquamous carcinoma"
    LARGE_CELL = "large cell carcinoma"
    NSCLC_NOS = "non-small cell carcinoma, not otherwise specified"
    SMALL_CELL = "small cell carcinoma"
    CARCINOID = "carcinoid"
    OTHER = "other"
