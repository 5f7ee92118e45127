// The naive rules, as they are found in scripts: list, stat, decide by name and age, unlink.
// Usage: node clean.mjs DIRECTORY [--apply]
import { readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

const DAY = 86_400_000
const [directory, apply] = process.argv.slice(2)
const now = Date.now()
JSON.parse(readFileSync(join(directory, 'creds.json'), 'utf8'))
const counts = {}
let removed = 0
for (const name of readdirSync(directory)) {
  const stat = statSync(join(directory, name))
  if (!stat.isFile()) continue
  const kind = /^(app-state-sync|lid-mapping|pre-key|session|sender-key-memory|sender-key|device-list|tctoken|creds)/.exec(name)?.[1] ?? 'other'
  counts[kind] = (counts[kind] ?? 0) + 1
  const age = now - stat.mtimeMs
  const old = (kind === 'session' && age > 14 * DAY) || (kind.startsWith('sender-key') && age > 3 * DAY)
  if (old) {
    removed += 1
    if (apply) unlinkSync(join(directory, name))
  }
}
console.log(JSON.stringify({ counts, removed }))
