"""The register: canonical entries, the tree, notes, and files that nobody can quietly rewrite."""
