// Who takes part: the tenant, its other devices, its contacts and the groups. All numbers are
// fictional ones (555-01xx).

import { useTenantStore } from './tenant.mjs'
import { Device } from './device.mjs'
import { Server } from './server.mjs'
import { loadLibrary } from './library.mjs'
import { memoryStore } from './stores.mjs'
import { STATUS } from './group.mjs'

const OWN_INDEX = 0
const OWN_DEVICES = [0, 3]
const TENANT_DEVICE = 7
const MEMBERS = 10

const phoneNumber = index =>
  `1${201 + Math.floor(index / 100)}55501${String(index % 100).padStart(2, '0')}`
const lidNumber = index => String(240000000000000 + index * 977)

/**
 * Every fifth contact is known by phone number only, every third has a second device unless all have `oneDevice`.
 * Without `lids` nobody is addressed by LID.
 */
function account(index, { lids }, oneDevice = false) {
  const legacy = index % 5 === 4 || !lids
  return {
    pn: phoneNumber(index),
    lid: legacy ? undefined : lidNumber(index),
    devices: index % 3 === 1 && !oneDevice ? [0, 5] : [0]
  }
}

export function newPeer(library, { pn, lid }, device, creds = library.initAuthCreds()) {
  return new Device(library, { pn, lid, device }, creds, memoryStore(library.BufferJSON))
}

/** A world without a past: devices exist, nothing has been said. */
export async function populate(scenario, out, ages) {
  const library = await loadLibrary(scenario.library)
  const server = Object.assign(new Server(), { handOut: scenario.handOut ?? 'middle' })
  const own = account(OWN_INDEX, library)
  const address = { ...own, ownLid: lidNumber(OWN_INDEX), device: TENANT_DEVICE }
  const tenant = await useTenantStore(library, out, address, ages)
  const devices = (scenario.own ?? OWN_DEVICES).map(device => newPeer(library, own, device))
  const count = scenario.contacts.reduce((sum, part) => sum + part.count, 0)
  const contacts = []
  for (let index = 1; index <= count; index++) {
    const contact = account(index, library, scenario.oneDevice)
    contact.peers = contact.devices.map(device => newPeer(library, contact, device))
    contacts.push(contact)
  }
  server.tenant = tenant
  for (const device of [tenant, ...devices, ...contacts.flatMap(({ peers }) => peers)])
    server.add(device)
  if (library.lids) {
    for (const { lid, peers } of contacts)
      if (lid) for (const peer of peers) await knowTenant(peer, tenant)
    for (const device of devices) await knowTenant(device, tenant)
  }
  const groups = groupsOf(scenario, contacts, library)
  return {
    tenant,
    server,
    own: devices,
    phone: devices[0],
    contacts,
    groups,
    spoke: [],
    appState: { keys: {}, collections: {} }
  }
}

const knowTenant = (peer, tenant) =>
  peer.repository.lidMapping.storeLIDPNMappings([{ lid: tenant.lidJid, pn: tenant.pnJid }])

/**
 * The second group still uses phone numbers; only there are contacts without a LID members. Without
 * `lids` every group does.
 */
function groupsOf({ groups, members: most = MEMBERS }, contacts, { lids }) {
  const all = contacts.map((_, index) => index)
  const modern = lids ? all.filter(index => contacts[index].lid) : all
  const made = Array.from({ length: groups.own.length + groups.quiet }, (_, index) => {
    const addressing = index === 1 || !lids ? 'pn' : 'lid'
    const choice = addressing === 'pn' ? all : modern
    const members = choice
      .map((_, place) => choice[(place + index * 3) % choice.length])
      .slice(0, most)
    return {
      id: `1203634${String(index).padStart(11, '0')}@g.us`,
      addressing,
      members,
      own: groups.own[index]
    }
  })
  const addressing = lids ? 'lid' : 'pn'
  return [...made, { id: STATUS, addressing, members: modern, own: groups.status }]
}
