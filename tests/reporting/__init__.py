"""The register's report."""
