"""The choices of each panel that are kept with the scene.

Enums are kept by the names of their members: renaming one breaks scenes that people have saved.
"""

import enum

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper


class LungMethodChoice(enum.Enum):
    """How the lungs are found; the values are those of ``lungs.predict.LungMethod``."""

    AUTO = "auto"
    CLASSICAL = "classical"
    NETWORK = "network"

    def label(self) -> str:
        """What the panel shows."""
        words = {
            LungMethodChoice.AUTO: _("Automatic choice"),
            LungMethodChoice.CLASSICAL: _("Thresholds and morphology"),
            LungMethodChoice.NETWORK: _("Neural network"),
        }
        return str(words[self])


class DeviceChoice(enum.Enum):
    """What computes; the values are accepted by ``device.resolve_device``."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"

    def label(self) -> str:
        """What the panel shows."""
        words = {
            DeviceChoice.AUTO: _("Graphics card if there is one"),
            DeviceChoice.CPU: _("Processor only"),
            DeviceChoice.CUDA: _("Graphics card (CUDA)"),
        }
        return str(words[self])


class ThresholdChoice(enum.Enum):
    """From which SUV on MTV and TLG count; the values are read by ``SuvThreshold.parse``."""

    MAX_41 = "41%"
    SUV_2_5 = "2.5"
    SUV_4_0 = "4.0"

    def label(self) -> str:
        """What the panel shows."""
        words = {
            ThresholdChoice.MAX_41: _("41 % of SUVmax"),
            ThresholdChoice.SUV_2_5: _("SUV 2.5"),
            ThresholdChoice.SUV_4_0: _("SUV 4.0"),
        }
        return str(words[self])


class FalseFindingsChoice(enum.Enum):
    """Operating point of the nodule stage; the values are rates of ``pipeline.FALSE_FINDINGS``."""

    EIGHTH = 0.125
    QUARTER = 0.25
    HALF = 0.5
    ONE = 1.0
    TWO = 2.0
    FOUR = 4.0
    EIGHT = 8.0

    def label(self) -> str:
        """What the panel shows."""
        words = {
            FalseFindingsChoice.EIGHTH: _("1 in 8 scans"),
            FalseFindingsChoice.QUARTER: _("1 in 4 scans"),
            FalseFindingsChoice.HALF: _("1 in 2 scans"),
            FalseFindingsChoice.ONE: _("1 a scan"),
            FalseFindingsChoice.TWO: _("2 a scan"),
            FalseFindingsChoice.FOUR: _("4 a scan"),
            FalseFindingsChoice.EIGHT: _("8 a scan"),
        }
        return str(words[self])


@parameterNodeWrapper
class LungPNetParameters:
    """Of the module LungPNet."""

    inputVolume: vtkMRMLScalarVolumeNode
    method: LungMethodChoice = LungMethodChoice.AUTO
    device: DeviceChoice = DeviceChoice.AUTO
    findNodules: bool = True
    falseFindings: FalseFindingsChoice = FalseFindingsChoice.ONE
    allowGaps: bool = False
    deidentify: bool = False


@parameterNodeWrapper
class LungSegmentParameters:
    """Of the module LungSegment."""

    inputVolume: vtkMRMLScalarVolumeNode
    method: LungMethodChoice = LungMethodChoice.AUTO
    device: DeviceChoice = DeviceChoice.AUTO
    lungs: vtkMRMLSegmentationNode
    first: vtkMRMLSegmentationNode
    second: vtkMRMLSegmentationNode


@parameterNodeWrapper
class NoduleGradeParameters:
    """Of the module NoduleGrade."""

    inputVolume: vtkMRMLScalarVolumeNode


@parameterNodeWrapper
class SurvivalRiskParameters:
    """Of the module SurvivalRisk."""

    inputVolume: vtkMRMLScalarVolumeNode
    petVolume: vtkMRMLScalarVolumeNode
    threshold: ThresholdChoice = ThresholdChoice.MAX_41
