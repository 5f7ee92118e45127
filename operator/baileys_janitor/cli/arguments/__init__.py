"""What the command line takes: paths, options, settings, and what a shell completes."""
