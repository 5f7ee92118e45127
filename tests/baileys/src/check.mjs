// check: the tenant starts again on a copy of its files and everybody talks to it.

import { appState, files, lidMappings } from './check/stored.mjs'
import { credentials, identity } from './check/identity.mjs'
import { memberGroups, ownGroups } from './check/groups.mjs'
import { cachedSession, ownDevices, sessions } from './check/sessions.mjs'
import { newContacts, preKeys } from './check/prekeys.mjs'
import { onCopy } from './copied.mjs'
import { loadWorld } from './world.mjs'

// What is stored comes first: messages would teach the tenant some of it again. Pre-keys come last:
// they change most.
const properties = {
  files,
  identity,
  lidMappings,
  ownDevices,
  sessions,
  ownGroups,
  memberGroups,
  appState,
  newContacts,
  preKeys
}

/** Asked for by name alone: it says something about the library, not about the session. */
const facts = { cachedSession }

/**
 * `request`: session, peers, and optionally `only`, a list of properties, `messages` and `contacts`
 * (see the pre-keys), and `database` ({connection, company}): rows of the same session, on which the
 * tenant starts instead.
 */
export async function check({ session, peers, database, only = Object.keys(properties), ...options }) {
  if (!session || !peers) throw new Error('"session" and "peers" name the two directories to check')
  return onCopy(session, async copy => {
    const results = [await credentials(copy, peers)]
    const world = { ...(await loadWorld(copy, peers, database)), directory: copy }
    for (const name of only) {
      const found = await (properties[name] ?? facts[name])(world, options)
      results.push({ name, ...found })
    }
    return {
      passed: results.every(({ passed }) => passed),
      library: world.library,
      properties: results
    }
  })
}
