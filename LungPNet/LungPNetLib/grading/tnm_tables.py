"""The tables of the TNM classification of lung cancer, 8th and 9th edition.

8th: Goldstraw et al., J Thorac Oncol 2016;11:39-51 (stage groups), Rami-Porta et al., J Thorac
Oncol 2015;10:990-1003 (T), and for lesions with ground glass Travis et al., J Thorac Oncol
2016;11:1204-1223. 9th: Rami-Porta et al., J Thorac Oncol 2024;19:1007-1027, which leaves the sizes
of T as they are, names more structures, and divides N2 and M1c. Both editions are issued by the
UICC; the words here are ours.
"""

from __future__ import annotations

from enum import Enum

from LungPNetLib.survival.categories import MCategory, NCategory, TCategory


class Edition(str, Enum):
    """Editions of the classification; the 9th is in force since January 2025."""

    EIGHTH = "8"
    NINTH = "9"


class StageGroup(str, Enum):
    """Stage groups of both editions."""

    OCCULT = "occult carcinoma"
    ZERO = "0"
    IA1 = "IA1"
    IA2 = "IA2"
    IA3 = "IA3"
    IB = "IB"
    IIA = "IIA"
    IIB = "IIB"
    IIIA = "IIIA"
    IIIB = "IIIB"
    IIIC = "IIIC"
    IVA = "IVA"
    IVB = "IVB"


class Invasion(str, Enum):
    """What a primary tumour may involve, as the tables of T name it."""

    VISCERAL_PLEURA = "visceral pleura"
    ADJACENT_LOBE = "adjacent lobe, across the fissure"
    MAIN_BRONCHUS = "main bronchus without the carina"
    ATELECTASIS = "atelectasis or obstructive pneumonitis to the hilum"
    PARIETAL_PLEURA = "parietal pleura"
    CHEST_WALL = "chest wall"
    PHRENIC_NERVE = "phrenic nerve"
    PERICARDIUM = "parietal pericardium"
    AZYGOS_VEIN = "azygos vein"
    THORACIC_NERVE_ROOTS = "thoracic nerve roots (T1, T2) or stellate ganglion"
    DIAPHRAGM = "diaphragm"
    MEDIASTINUM = "mediastinum"
    THYMUS = "thymus"
    HEART = "heart"
    GREAT_VESSELS = "great vessels"
    SUPRA_AORTIC_VESSELS = "supra-aortic arteries or brachiocephalic veins"
    SUBCLAVIAN_VESSELS = "subclavian vessels"
    TRACHEA = "trachea"
    CARINA = "carina"
    RECURRENT_NERVE = "recurrent laryngeal nerve"
    VAGUS_NERVE = "vagus nerve"
    OESOPHAGUS = "oesophagus"
    VERTEBRAL_BODY = "vertebral body"
    SPINAL_CANAL = "lamina or spinal canal"
    CERVICAL_ROOTS = "cervical nerve roots or brachial plexus"


class SeparateNodules(str, Enum):
    """Separate tumour nodules of the same histology; those of the other lung are M1a."""

    NONE = "none"
    SAME_LOBE = "same lobe"
    OTHER_LOBE = "another lobe of the same lung"


SOURCES = {
    Edition.EIGHTH: "TNM 8th edition (Goldstraw et al., J Thorac Oncol 2016;11:39-51)",
    Edition.NINTH: "TNM 9th edition (Rami-Porta et al., J Thorac Oncol 2024;19:1007-1027)",
}
SUBSOLID_SOURCE = "Travis et al., J Thorac Oncol 2016;11:1204-1223"

SIZES_CM: tuple[tuple[float, TCategory], ...] = (
    (1.0, TCategory.T1A),
    (2.0, TCategory.T1B),
    (3.0, TCategory.T1C),
    (4.0, TCategory.T2A),
    (5.0, TCategory.T2B),
    (7.0, TCategory.T3),
)
"""Up to and including so many cm; above 7 cm is T4. The same in both editions."""

_T2 = (
    Invasion.VISCERAL_PLEURA,
    Invasion.ADJACENT_LOBE,
    Invasion.MAIN_BRONCHUS,
    Invasion.ATELECTASIS,
)
_T3 = (
    Invasion.PARIETAL_PLEURA,
    Invasion.CHEST_WALL,
    Invasion.PHRENIC_NERVE,
    Invasion.PERICARDIUM,
    Invasion.AZYGOS_VEIN,
    Invasion.THORACIC_NERVE_ROOTS,
)
INVASIONS: dict[Invasion, TCategory] = {
    **dict.fromkeys(_T2, TCategory.T2A),
    **dict.fromkeys(_T3, TCategory.T3),
    **{one: TCategory.T4 for one in Invasion if one not in (*_T2, *_T3)},
}
"""The least T of a tumour that involves it."""

NINTH_ONLY = frozenset(
    {
        Invasion.ADJACENT_LOBE,
        Invasion.AZYGOS_VEIN,
        Invasion.THORACIC_NERVE_ROOTS,
        Invasion.THYMUS,
        Invasion.SUPRA_AORTIC_VESSELS,
        Invasion.SUBCLAVIAN_VESSELS,
        Invasion.VAGUS_NERVE,
        Invasion.SPINAL_CANAL,
        Invasion.CERVICAL_ROOTS,
    }
)
"""Structures that the table of the 8th edition does not name (its notes speak of some)."""

NODULES = {SeparateNodules.SAME_LOBE: TCategory.T3, SeparateNodules.OTHER_LOBE: TCategory.T4}

EIGHTH_N = {NCategory.N2A: "N2", NCategory.N2B: "N2"}
"""The 8th edition does not divide N2; all others have the same names."""
EIGHTH_M = {MCategory.M1C1: "M1c", MCategory.M1C2: "M1c"}

_GRIDS = {
    Edition.EIGHTH: """
        .    N0    N1    N2    N3
        T1a  IA1   IIB   IIIA  IIIB
        T1b  IA2   IIB   IIIA  IIIB
        T1c  IA3   IIB   IIIA  IIIB
        T2a  IB    IIB   IIIA  IIIB
        T2b  IIA   IIB   IIIA  IIIB
        T3   IIB   IIIA  IIIB  IIIC
        T4   IIIA  IIIA  IIIB  IIIC
    """,
    Edition.NINTH: """
        .    N0    N1    N2a   N2b   N3
        T1a  IA1   IIA   IIB   IIIA  IIIB
        T1b  IA2   IIA   IIB   IIIA  IIIB
        T1c  IA3   IIA   IIB   IIIA  IIIB
        T2a  IB    IIB   IIIA  IIIB  IIIB
        T2b  IIA   IIB   IIIA  IIIB  IIIB
        T3   IIB   IIIA  IIIA  IIIB  IIIC
        T4   IIIA  IIIA  IIIB  IIIB  IIIC
    """,
}
_WITHOUT_SIZE = {
    ("TX", "N0"): StageGroup.OCCULT,
    ("Tis", "N0"): StageGroup.ZERO,
    ("T1mi", "N0"): StageGroup.IA1,
}


def _parsed(grid: str) -> dict[tuple[str, str], StageGroup]:
    lines = [line.split() for line in grid.strip().splitlines()]
    columns = lines[0][1:]
    return {
        (row[0], column): StageGroup(group)
        for row in lines[1:]
        for column, group in zip(columns, row[1:], strict=True)
    }


M0_GROUPS: dict[Edition, dict[tuple[str, str], StageGroup]] = {
    edition: _parsed(grid) | _WITHOUT_SIZE for edition, grid in _GRIDS.items()
}
"""Stage group of each published pair of T and N, where there are no distant metastases."""

M1_GROUPS = {
    "M1a": StageGroup.IVA,
    "M1b": StageGroup.IVA,
    "M1c": StageGroup.IVB,
    "M1c1": StageGroup.IVB,
    "M1c2": StageGroup.IVB,
}
"""With any T and any N."""
