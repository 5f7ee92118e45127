// The past of a tenant as a list of events, oldest first. Ages are days before now; each event runs
// "at" its age.

import { COLLECTIONS, patch, shareKeys } from './appstate.mjs'
import { deviceQuery, fromOwnDevice, fromTenant, toOwnDevice, toTenant } from './direct.mjs'
import { sendToGroup } from './group.mjs'
import { learnOwnLid, login, pair } from './pairing.mjs'
import { uploadWhenLow } from './prekeys.mjs'
import { nextPreKey } from './server.mjs'
import { storeToken, TOKEN_DAYS } from './tokens.mjs'

export const DAY = 86_400

/** Values spread evenly between two ages, the youngest first. */
const spread = ({ count, days: [from, to] }) =>
  Array.from({ length: count }, (_, k) => from + ((to - from) * (k + 0.5)) / count)

export function events(scenario, world) {
  const { paired, shift = 0 } = scenario
  const list = [
    ...beginning(scenario, world),
    ...groupEvents(scenario, world),
    ...strangers(scenario, world)
  ]
  const ages = scenario.contacts.flatMap(spread)
  ages.forEach((last, index) => list.push(...contactEvents(world, index, scenario, last)))
  list.push({ age: scenario.login, run: () => login(world.tenant, world.server) })
  for (const event of list) event.age += shift
  if (scenario.awake) list.push({ age: scenario.awake, run: () => wake(world) })
  return list.sort((a, b) => b.age - a.age)
}

/** The stopped process starts again: a login, and the first message after it. */
async function wake(world) {
  await login(world.tenant, world.server)
  await toTenant(world, world.contacts[0].peers[0], 'are you there?')
}

function beginning({ paired, login: last }, world) {
  const { tenant, server, own, phone } = world
  const chat = world.contacts[0].peers[0].jid
  const exchange = async device => {
    await fromOwnDevice(world, device, { conversation: 'from my other device' }, chat)
    await toOwnDevice(world, device, 'to my other device', chat)
  }
  return [
    { age: paired, run: () => pair(tenant) },
    { age: paired - 0.01, run: () => login(tenant, server) },
    { age: paired - 0.02, run: () => learnOwnLid(tenant) },
    { age: paired - 0.03, run: () => shareKeys(world, phone, 2) },
    ...COLLECTIONS.map(name => ({ age: paired - 0.04, run: () => patch(world, name) })),
    // The companion has been silent for long, which must not matter.
    ...own.map((device, index) => ({
      age: index ? paired - 1 : last,
      run: () => exchange(device)
    })),
    { age: last, run: () => patch(world, 'regular_low') }
  ]
}

/**
 * Contacts and the tenant take turns in who writes first; they meet soon after pairing, before any
 * group.
 */
function contactEvents(world, index, { paired, shift = 0 }, last) {
  const { tenant, server, contacts } = world
  const contact = contacts[index]
  const first = paired - 0.1 - 0.01 * index
  const meet = async () => {
    await deviceQuery(tenant, contact, index % 2 === 0)
    for (const peer of contact.peers)
      await (index % 2 ? fromTenant(world, peer, 'hello') : toTenant(world, peer, 'hello'))
    await uploadWhenLow(tenant, server)
  }
  const talk = async () => {
    for (const peer of contact.peers) {
      await toTenant(world, peer, 'question')
      await fromTenant(world, peer, 'answer')
    }
    if (last < TOKEN_DAYS) await storeToken(tenant, contact, (last + shift) * DAY)
  }
  return [
    { age: first, run: meet },
    { age: last, run: talk }
  ]
}

/**
 * Each own group message: the key goes round soon after pairing, so that later ones touch no
 * session.
 */
function groupEvents({ paired }, world) {
  const { tenant, contacts, own } = world
  return world.groups
    .filter(group => group.own !== undefined)
    .flatMap(group => {
      const members = group.members.map(index => contacts[index])
      const devices = [...members.flatMap(({ peers }) => peers), ...own]
      const send = words => sendToGroup(world, group, devices, words)
      const start = async () => {
        for (const member of members) await deviceQuery(tenant, member, group.addressing === 'lid')
        await send('hello all')
      }
      const again = group.id.endsWith('@g.us')
        ? [{ age: group.own, run: () => send('once more') }]
        : []
      return [{ age: Math.max(group.own, paired - 0.6), run: start }, ...again]
    })
}

/**
 * Strangers took a bundle and never wrote; retry receipts that nobody answered left single pre-
 * keys.
 */
function strangers({ paired, strangers: taken = 0, retries = 0 }, { tenant, server }) {
  const take = async () => {
    server.tenantBundle()
    await uploadWhenLow(tenant, server)
  }
  const at = (index, count) => paired * (0.9 - (0.8 * index) / count)
  return [
    ...Array.from({ length: taken }, (_, index) => ({ age: at(index, taken), run: take })),
    ...Array.from({ length: retries }, (_, index) => ({
      age: at(index, retries),
      run: async () => server.given.push((await nextPreKey(tenant))[0])
    }))
  ]
}
