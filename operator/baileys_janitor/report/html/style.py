"""The one stylesheet of a report. Colours are variables, for light, dark and paper; all reach a contrast of 4.5:1."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #f6f7f5; --card: #ffffff; --line: #dfe3de; --soft: #eef1ed;
  --ink: #1c2420; --quiet: #56625b; --accent: #14664f;
  --good: #176a3f; --warn: #835400; --bad: #b3261e; --unknown: #5b6470;
  --good-fill: #3d9a6a; --warn-fill: #d99a1c; --critical-fill: #dc6a35; --bad-fill: #b3261e; --unknown-fill: #98a2ad;
  --bar: #2f8f73; --bar-soft: #c9ddd5;
  --good-soft: #e3f2e9; --warn-soft: #faefd8; --bad-soft: #fbe6e3; --unknown-soft: #eaedf0;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #121714; --card: #1a211d; --line: #303a34; --soft: #222b26;
    --ink: #e7ece9; --quiet: #a3b0a8; --accent: #74cfb1;
    --good: #7fd3a3; --warn: #ebbb5c; --bad: #ff9d92; --unknown: #b1bbc6;
    --good-fill: #3d9a6a; --warn-fill: #c98d1f; --critical-fill: #d96c39; --bad-fill: #e0584d; --unknown-fill: #6d7883;
    --bar: #4fb595; --bar-soft: #2c443b;
    --good-soft: #1c3226; --warn-soft: #382c14; --bad-soft: #3d211e; --unknown-soft: #272d33;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { margin-bottom: 1.75rem; }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; }
h1 { font-size: 1rem; font-weight: 600; color: var(--accent); letter-spacing: .01em; }
.headline { font-size: clamp(1.6rem, 1.1rem + 2.4vw, 2.5rem); line-height: 1.2; font-weight: 650;
  letter-spacing: -.02em; margin: .35rem 0 .6rem; text-wrap: balance; }
.quiet { color: var(--quiet); }
.small { font-size: .875rem; }
h2 { font-size: 1.125rem; font-weight: 650; letter-spacing: -.005em; margin-bottom: .85rem; }
h3 { font-size: .9375rem; font-weight: 650; margin-bottom: .5rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .875rem;
  padding: 1.35rem 1.5rem; margin-top: 1.1rem; min-width: 0; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 1.1rem; }
.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); background: var(--card);
  border: 1px solid var(--line); border-radius: .875rem; overflow: hidden; gap: 1px; }
.tile { padding: 1.05rem 1.15rem; box-shadow: 0 0 0 1px var(--line); display: flex; flex-direction: column; }
.tile dt { font-size: .8125rem; color: var(--quiet); }
.tile .value { font-size: 1.6rem; font-weight: 650; letter-spacing: -.02em; line-height: 1.25;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile .value.words { font-size: 1.1rem; line-height: 1.8; }
.tile .note { font-size: .8125rem; color: var(--quiet); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 11px; fill: var(--quiet); }
.Healthy, .f-good { fill: var(--good-fill); } .Warning { fill: var(--warn-fill); }
.Critical { fill: var(--critical-fill); } .Emergency { fill: var(--bad-fill); } .Unknown { fill: var(--unknown-fill); }
.bar { fill: var(--bar); } .bar-soft { fill: var(--bar-soft); } .track { fill: var(--soft); }
.axis { stroke: var(--line); stroke-width: 1; } .limit { fill: var(--ink); }
.trend { fill: none; stroke: var(--bar); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.trend-end { fill: var(--bar); }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1.25rem; list-style: none; padding: 0; margin-top: .85rem;
  font-size: .875rem; }
.legend svg, .badge svg { width: .7rem; height: .7rem; display: inline-block; margin-right: .4rem; }
.legend b { font-weight: 650; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: .875rem; padding-bottom: .5rem; }
th { text-align: left; font-weight: 500; color: var(--quiet); font-size: .8125rem; vertical-align: bottom; }
th, td { padding: .55rem .75rem .55rem 0; border-bottom: 1px solid var(--line); }
td { vertical-align: top; }
tr:last-child > td, tr:last-child > th[scope=row] { border-bottom: 0; }
th[scope=row] { color: var(--ink); font-size: .9rem; font-weight: 550; vertical-align: top; }
.n { text-align: right; white-space: nowrap; } th:last-child, td:last-child { padding-right: 0; }
.fill { min-width: 6rem; width: 17%; } .line { width: 6.5rem; } .line svg { margin-top: .1rem; }
.fill svg { height: .6rem; border-radius: .3rem; margin-top: .45rem; }
th .quiet { font-weight: 400; }
table.bars th[scope=row] { width: 15rem; } table.bars .fill { width: auto; } table.bars .n { width: 4.5rem; }
table.bars th, table.bars td { padding-top: .35rem; padding-bottom: .35rem; border: 0; font-weight: 450; }
.badge { display: inline-flex; align-items: center; white-space: nowrap; font-size: .8125rem; font-weight: 600;
  border-radius: 1rem; padding: .1rem .6rem; line-height: 1.5; }
.a-Good { color: var(--good); background: var(--good-soft); }
.a-Attention { color: var(--warn); background: var(--warn-soft); }
.a-NotKnown { color: var(--unknown); background: var(--unknown-soft); }
.s-1 { color: var(--unknown); background: var(--unknown-soft); }
.s-2 { color: var(--warn); background: var(--warn-soft); } .s-3 { color: var(--bad); background: var(--bad-soft); }
.l-Healthy { color: var(--good); background: var(--good-soft); }
.l-Warning { color: var(--warn); background: var(--warn-soft); }
.l-Critical, .l-Emergency { color: var(--bad); background: var(--bad-soft); }
.l-Unknown { color: var(--unknown); background: var(--unknown-soft); }
.list { list-style: none; padding: 0; }
.list > li { padding: .75rem 0; border-bottom: 1px solid var(--line); }
.list > li:first-child { padding-top: 0; } .list > li:last-child { border-bottom: 0; padding-bottom: 0; }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .65rem; margin-bottom: .2rem; }
.head b { font-weight: 620; }
.steps { padding-left: 1.35rem; } .steps > li { padding: .3rem 0 .3rem .3rem; }
.steps > li::marker { color: var(--accent); font-weight: 650; }
code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--soft); border-radius: .3rem; padding: .08em .35em; }
footer { margin-top: 2rem; padding: 0 .25rem; } footer ul { padding-left: 1.1rem; }
.more { margin-top: 1.1rem; } h3.more { margin-top: 1.2rem; }
@media (max-width: 60rem) { .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); } .line { display: none; } }
@media (max-width: 48rem) {
  main { padding: 1.5rem .9rem 3rem; }
  .pair { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  section { padding: 1.1rem 1.05rem; }
  table.cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.cards, table.cards tbody, table.cards tr, table.cards td, table.cards th { display: block; }
  table.cards tr { padding: .85rem 0; border-bottom: 1px solid var(--line); }
  table.cards tr:last-child { border-bottom: 0; padding-bottom: 0; }
  table.cards td, table.cards th[scope=row] { border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  table.cards td[data-label] { display: flex; justify-content: space-between; gap: 1rem; }
  table.cards td[data-label]::before { content: attr(data-label); color: var(--quiet); }
  table.bars th[scope=row] { width: 9rem; }
  table.cards .fill { width: auto; } table.cards td.fill { padding: .35rem 0; } table.cards .line { display: none; }
}
@media print {
  :root { --ground: #fff; --card: #fff; }
  @page { margin: 14mm; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  section { break-inside: avoid; border-radius: 0; border-width: 1px 0 0; padding: 1rem 0; }
  section.long { break-inside: auto; } tr, li { break-inside: avoid; }
  .tiles { border-radius: 0; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
