"""Reports about session directories: one model, and its renderings as HTML, Markdown and JSON. Pure.

    sessions in ──► collect ──► ReportDocument ──► html | markdown | json
                      │
                      ├── checks     the weekly and monthly checklist, answered
                      └── incident   the recovery checklist of a session that was lost

Reports are passed on to other people. A report holds no file names, and names that look like phone numbers are masked
(`privacy`). A question that the data cannot answer is `NotKnown`, with the data that would be needed.
"""
