// The peers' side on disk: one file with everybody's keys, so that checks can go on talking to the
// tenant.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Device } from './device.mjs'
import { loadLibrary } from './library.mjs'
import { Server } from './server.mjs'
import { memoryStore } from './stores.mjs'
import { useTenantStore } from './tenant.mjs'

const FILE = 'world.json'

const saved = ({ address, creds, store }) => ({
  device: address.device,
  creds: signalPart(creds),
  keys: store.content
})

/** A peer never logs in: what only that needs would make the file three times as large. */
function signalPart({
  registrationId,
  signedIdentityKey,
  signedPreKey,
  nextPreKeyId,
  firstUnuploadedPreKeyId
}) {
  return { registrationId, signedIdentityKey, signedPreKey, nextPreKeyId, firstUnuploadedPreKeyId }
}

export async function saveWorld(world, scenario, byKind, directory) {
  const { tenant, server, own, contacts, groups, spoke, appState } = world
  const { BufferJSON } = tenant.library
  const content = {
    library: scenario.library,
    faults: scenario.faults,
    byKind,
    tenant: { address: tenant.address, creds: tenant.creds },
    server: {
      available: server.available,
      handedOut: server.handedOut,
      given: server.given,
      handOut: server.handOut
    },
    own: own.map(saved),
    contacts: contacts.map(({ pn, lid, devices, peers }) => ({
      pn,
      lid,
      devices,
      peers: peers.map(saved)
    })),
    groups,
    spoke,
    appState
  }
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, FILE), JSON.stringify(content, BufferJSON.replacer))
}

/**
 * The world again, its tenant on the files in `session`, or on the rows that `database` names. The peers live in memory: nothing is
 * written back.
 */
export async function loadWorld(session, directory, database) {
  const text = await readFile(join(directory, FILE), 'utf8')
  const library = await loadLibrary(JSON.parse(text).library)
  const { replacer, reviver } = library.BufferJSON
  const content = JSON.parse(text, reviver)
  const { address } = content.tenant
  const restore = ({ pn, lid }, { device, creds, keys }) =>
    new Device(library, { pn, lid, device }, creds, memoryStore({ replacer, reviver }, keys))
  const tenant = await useTenantStore(library, session, address, undefined, database)
  const own = content.own.map(part => restore(address, part))
  const contacts = content.contacts.map(contact => ({
    ...contact,
    peers: contact.peers.map(part => restore(contact, part))
  }))
  const server = Object.assign(new Server(), content.server, { tenant })
  // Fixtures of before do not know what was used up.
  if (!content.server.given) server.given = [...server.available, ...server.handedOut].map(([id]) => id)
  for (const device of [tenant, ...own, ...contacts.flatMap(({ peers }) => peers)])
    server.add(device)
  return { ...content, tenant, server, own, phone: own[0], contacts, written: content.tenant.creds }
}
