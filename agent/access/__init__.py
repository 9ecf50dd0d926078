"""Who may see what, and why: grants are signed by a configured authority and judged on the mast, offline."""
