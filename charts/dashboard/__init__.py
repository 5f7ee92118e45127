"""The Grafana dashboard: `queries` has the queries, `panels` the look of panels, `page` the order of the rows.

`charts.generate` writes it to the chart's files/dashboard.json, with Grafana's own builders, so that it has the format
that Grafana reads.
"""
