"""The technician's and the authority's tools: keys and grants, made on a workstation and never on a mast."""
