// What is kept for good: protected kinds are all there, LID mappings resolve both ways, app state
// goes on.

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { COLLECTIONS, patch } from '../appstate.mjs'
import { census, kindOf, protectedKinds } from '../census.mjs'
import { jid } from '../device.mjs'
import { silent } from '../library.mjs'

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
  if (!tenant.library.lids) return { passed: true, known: 0, resolved: 0 }
  const known = [tenant.address, ...contacts.filter(({ lid }) => lid)]
  const forward = freshMapping(tenant)
  const reverse = freshMapping(tenant)
  let resolved = 0
  for (const { pn, lid } of known) {
    const foundLid = await forward.getLIDForPN(jid(pn, 0, 's.whatsapp.net'))
    const foundPn = await reverse.getPNForLID(jid(lid, 0, 'lid'))
    if (foundLid?.startsWith(lid) && foundPn?.startsWith(pn)) resolved += 1
  }
  return { passed: resolved === known.length, known: known.length, resolved }
}

/** One for each direction: its cache would answer the other from what it just read. */
const freshMapping = ({ library, auth }) =>
  library.DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, silent, async () => []).lidMapping

export async function appState(world) {
  const failed = []
  for (const name of COLLECTIONS) {
    const decoded = await patch(world, name).catch(() => false)
    if (!decoded) failed.push(name)
  }
  return { passed: !failed.length, collections: COLLECTIONS.length, failed }
}
