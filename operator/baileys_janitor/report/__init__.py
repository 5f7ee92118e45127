"""Reports about session directories: one model, and its renderings as HTML, Markdown and JSON. Pure.

    sessions in ──► collect ──► ReportDocument ──► html | markdown | json
                      │
                      ├── checks     the weekly and monthly checklist, answered
                      └── incident   the recovery checklist of a session that was lost

A report is sent around. It holds no name of a file, and names that look like phone numbers are masked (`privacy`).
What the data cannot answer is `NotKnown`, and says what would be needed to know it.
"""
