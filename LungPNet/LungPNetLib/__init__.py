"""LungPNetLib: chest CT from DICOM to a report, with or without 3D Slicer.

Importing this package imports nothing heavy; see ``pipeline.analyze`` for the whole way.
"""

__version__ = "0.1.0"
