"""The arguments of the command line: paths, options, settings, and shell completion."""
