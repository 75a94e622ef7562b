"""What connects the package with 3D Slicer; the rest of it does not know that Slicer exists."""
