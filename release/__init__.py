"""Builds the files of a release: `make release` calls `python -m release.build`."""
