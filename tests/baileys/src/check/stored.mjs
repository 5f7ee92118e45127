// What is kept for good: protected kinds are all there, LID mappings resolve both ways, app state goes on.

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { COLLECTIONS, patch } from '../appstate.mjs'
import { census, kindOf, protectedKinds } from '../census.mjs'
import { jid } from '../device.mjs'

export async function files({ directory, byKind }) {
  const counts = (await census(directory)).byKind
  const missing = protectedKinds.filter(kind => (counts[kind] ?? 0) < (byKind[kind] ?? 0))
  const broken = []
  for (const name of await readdir(directory)) {
    const kind = kindOf(name)
    if (kind === 'other') continue
    const text = await readFile(join(directory, name), 'utf8')
    if (text && !parses(text)) broken.push(kind)
  }
  return { passed: !missing.length && !broken.length, missing, broken }
}

function parses(text) {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

export async function lidMappings({ tenant, contacts }) {
  const { lidMapping } = tenant.repository
  let resolved = 0
  const known = [tenant.address, ...contacts.filter(({ lid }) => lid)]
  for (const { pn, lid } of known) {
    const forward = await lidMapping.getLIDForPN(jid(pn, 0, 's.whatsapp.net'))
    const reverse = await lidMapping.getPNForLID(jid(lid, 0, 'lid'))
    if (forward?.startsWith(lid) && reverse?.startsWith(pn)) resolved += 1
  }
  return { passed: resolved === known.length, known: known.length, resolved }
}

export async function appState(world) {
  const failed = []
  for (const name of COLLECTIONS) {
    const decoded = await patch(world, name).catch(() => false)
    if (!decoded) failed.push(name)
  }
  return { passed: !failed.length, collections: COLLECTIONS.length, failed }
}
