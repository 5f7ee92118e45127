"""A report as one HTML file: no script, nothing loaded from anywhere, readable in light, dark and on paper."""
