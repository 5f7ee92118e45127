"""Builds what a release consists of: `make release` calls `python -m release.build`."""
