"""The Grafana dashboard: `queries` says what is asked, `panels` how it looks, `page` puts the rows in order.

Written to the chart's files/dashboard.json by `charts.generate`, with Grafana's own builders, so that it has the shape
that Grafana reads.
"""
