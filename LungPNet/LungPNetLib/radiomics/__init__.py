"""Radiomics: 128 features of a region by the definitions of the IBSI reference manual."""
