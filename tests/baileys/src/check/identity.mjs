// The credentials: whether they are what the scenario left, and whether they are still the same
// identity.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

const parts = [
  'noiseKey',
  'signedIdentityKey',
  'signedPreKey',
  'registrationId',
  'advSecretKey',
  'me',
  'account'
]

/**
 * creds.json is good, or as bad as the scenario made it. A bad one is then replaced in the copy by
 * the one that was paired, as from a backup, so that the other properties say whether everything
 * else survived.
 */
export async function credentials(directory, peers) {
  const path = join(directory, 'creds.json')
  const { faults, tenant } = JSON.parse(await readFile(join(peers, 'world.json'), 'utf8'))
  const expected = faults.find(fault => fault === 'corrupt' || fault === 'unpaired') ?? 'paired'
  const found = stateOf(await readFile(path, 'utf8').catch(() => ''))
  if (expected !== 'paired') await writeFile(path, JSON.stringify(tenant.creds))
  return { name: 'credentials', passed: found === expected, found, expected }
}

function stateOf(text) {
  try {
    const { me, account } = JSON.parse(text)
    return me?.id && account ? 'paired' : 'unpaired'
  } catch {
    return 'corrupt'
  }
}

/** The library starts as who was paired, and finds the pre-key that it looks for at each login. */
export async function identity({ tenant, written }) {
  const changed = parts.filter(
    part => !isDeepStrictEqual(plain(tenant.creds[part]), plain(written[part]))
  )
  const { nextPreKeyId, firstUnuploadedPreKeyId } = tenant.creds
  const counters =
    nextPreKeyId >= written.nextPreKeyId &&
    firstUnuploadedPreKeyId >= written.firstUnuploadedPreKeyId
  const last = String(nextPreKeyId - 1)
  const lastPreKey = Boolean((await tenant.auth.keys.get('pre-key', [last]))[last])
  return { passed: !changed.length && counters && lastPreKey, changed, counters, lastPreKey }
}

const plain = value => JSON.parse(JSON.stringify(value ?? null))
