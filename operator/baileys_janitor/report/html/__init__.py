"""A report as one HTML file: no script, no external resources, readable in light mode, dark mode and on paper."""
