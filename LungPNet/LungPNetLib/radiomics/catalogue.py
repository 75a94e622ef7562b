"""The 128 features: name, permanent identifier, unit and place in the vector.

Names are the tags, and codes the permanent identifiers, of the Image Biomarker Standardisation
Initiative (Zwanenburg et al., Radiology 2020;295:328-338; reference manual arXiv:1612.07003).
The order never changes within a version of the vector, because networks take it by position.

Left out of what the manual defines, and why:

- volume and area density of the oriented minimum bounding box and of the minimum volume enclosing
  ellipsoid: the initiative reached no consensus on their values;
- of the intensity histogram, what the intensity statistics say already without loss by bins;
- dependence count percentage, which is 1 by its definition;
- local intensity peaks and the intensity-volume histogram, which were made for PET;
- the distance zone matrix, whose zones are those of the size zone matrix: without it the vector has
  the 128 places that the survival network takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

VECTOR_VERSION = "1"
"""Changes whenever a name, an order or a definition does."""


class Family(Enum):
    """Families of the reference manual."""

    MORPHOLOGY = "morphology"
    INTENSITY = "intensity statistics"
    HISTOGRAM = "intensity histogram"
    GLCM = "grey level co-occurrence"
    GLRLM = "grey level run length"
    GLSZM = "grey level size zone"
    NGLDM = "neighbouring grey level dependence"
    NGTDM = "neighbourhood grey tone difference"


@dataclass(frozen=True)
class Definition:
    """One feature.

    Parameters
    ----------
    name : str
        Tag of the reference values, without the aggregation.
    code : str
        Permanent identifier of four characters.
    unit : str
        Empty where the value has none; grey levels are bin numbers and have none.
    """

    name: str
    code: str
    unit: str
    family: Family


def _family(family: Family, prefix: str, rows: str) -> tuple[Definition, ...]:
    """Definitions from lines of ``name code [unit]``."""
    definitions = []
    for line in rows.strip().splitlines():
        name, code, *unit = line.split(maxsplit=2)
        definitions.append(Definition(f"{prefix}_{name}", code, "".join(unit), family))
    return tuple(definitions)


_MORPHOLOGY = """
volume RNU0 mm3
vol_approx YEKZ mm3
area_mesh C0JK mm2
av 2PR5 1/mm
comp_1 SKGS
comp_2 BQWJ
sph_dispr KRCK
sphericity QCFX
asphericity 25C7
com KLMA mm
diam L0JK mm
pca_maj_axis TDIC mm
pca_min_axis P9VJ mm
pca_least_axis 7J51 mm
pca_elongation Q3CK
pca_flatness N17B
vol_dens_aabb PBX1
area_dens_aabb R59B
vol_dens_aee 6BDE
area_dens_aee RDD2
vol_dens_conv_hull R3ER
area_dens_conv_hull 7T7F
integ_int 99N0 HU mm3
moran_i N365
geary_c NPT7
"""

_INTENSITY = """
mean Q4LE HU
var ECT3 HU2
skew KE2A
kurt IPH6
median Y12H HU
min 1GSF HU
p10 QG58 HU
p90 8DWT HU
max 84IY HU
iqr SALO HU
range 2OJQ HU
mad 4FUA HU
rmad 1128 HU
medad N72L HU
cov 7TET
qcod 9S40
energy N8CA HU2
rms 5ZWQ HU
"""

_HISTOGRAM = """
mode AMMC
entropy TLU2 bit
uniformity BJ5W
max_grad 12CE
max_grad_g 8E6O
min_grad VQB3
min_grad_g RHQZ
"""

_GLCM = """
joint_max GYBY
joint_avg 60VM
joint_var UR99
joint_entr TU9B bit
diff_avg TF7R
diff_var D3YU
diff_entr NTRS bit
sum_avg ZGXS
sum_var OEEB
sum_entr P6QZ bit
energy 8ZQL
contrast ACUI
dissimilarity 8S9J
inv_diff IB1Z
inv_diff_norm NDRX
inv_diff_mom WF0Z
inv_diff_mom_norm 1QCO
inv_var E8JP
corr NI2N
auto_corr QWB0
clust_tend DG8W
clust_shade 7NFM
clust_prom AE86
info_corr1 R8DG
info_corr2 JN9H
"""

_GLRLM = """
sre 22OV
lre W4KF
lgre V3SW
hgre G3QZ
srlge HTZT
srhge GD3A
lrlge IVPO
lrhge 3KUM
glnu R5YN
glnu_norm OVBL
rlnu W92Y
rlnu_norm IC23
r_perc 9ZK5
gl_var 8CE5
rl_var SXLW
rl_entr HJ9O bit
"""

_GLSZM = """
sze 5QRC
lze 48P8
lgze XMSY
hgze 5GN9
szlge 5RAI
szhge HW1V
lzlge YH51
lzhge J17V
glnu JNSA
glnu_norm Y1RO
zsnu 4JP3
zsnu_norm VB3A
z_perc P30P
gl_var BYLV
zs_var 3NSA
zs_entr GU8N bit
"""

_NGLDM = """
lde SODN
hde IMOQ
lgce TL9H
hgce OAE7
ldlge EQ3F
ldhge JA6D
hdlge NBZI
hdhge 9QMG
glnu FP8K
glnu_norm 5SPA
dcnu Z87G
dcnu_norm OKJI
gl_var 1PFV
dc_var DNX2
dc_entr FCBV bit
dc_energy CAS9
"""

_NGTDM = """
coarseness QCDE
contrast 65HE
busyness NQ30
complexity HDEZ
strength 1X9X
"""

DEFINITIONS: tuple[Definition, ...] = (
    *_family(Family.MORPHOLOGY, "morph", _MORPHOLOGY),
    *_family(Family.INTENSITY, "stat", _INTENSITY),
    *_family(Family.HISTOGRAM, "ih", _HISTOGRAM),
    *_family(Family.GLCM, "cm", _GLCM),
    *_family(Family.GLRLM, "rlm", _GLRLM),
    *_family(Family.GLSZM, "szm", _GLSZM),
    *_family(Family.NGLDM, "ngl", _NGLDM),
    *_family(Family.NGTDM, "ngt", _NGTDM),
)
"""All features in the order of the vector."""


def names_of(family: Family) -> tuple[str, ...]:
    """Names of the features of one family, in order."""
    return tuple(one.name for one in DEFINITIONS if one.family is family)
