// Counting files by kind, in this tool's own words, so that it shares no mistake with what it
// tests.

import { readdir } from 'node:fs/promises'

// The longest name comes first: "sender-key-memory" also starts with "sender-key".
const kinds = [
  'app-state-sync-version',
  'app-state-sync-key',
  'sender-key-memory',
  'identity-key',
  'lid-mapping',
  'device-list',
  'sender-key',
  'tctoken',
  'session',
  'pre-key'
]
export const protectedKinds = [
  'creds',
  'app-state-sync-version',
  'app-state-sync-key',
  'identity-key',
  'lid-mapping',
  'device-list',
  'tctoken'
]
const allowances = { preKeys: 50, protected: 65 }

export function kindOf(name) {
  if (name === 'creds.json') return 'creds'
  return (name.endsWith('.json') && kinds.find(kind => name.startsWith(`${kind}-`))) || 'other'
}

export async function census(directory) {
  const byKind = {}
  let total = 0
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === '.cleanup.lock') continue
    const kind = kindOf(entry.name)
    byKind[kind] = (byKind[kind] ?? 0) + 1
    total += 1
  }
  const shielded = protectedKinds.reduce((sum, kind) => sum + (byKind[kind] ?? 0), 0)
  const excess =
    Math.max(0, (byKind['pre-key'] ?? 0) - allowances.preKeys) +
    Math.max(0, shielded - allowances.protected)
  return { total, counted: total - excess, protected: shielded, byKind }
}
