"""What the panels of the four modules do; the module files only load their .ui files."""
