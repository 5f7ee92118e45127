// judge: the tenant starts on what a restore left, and everybody goes on where they were.
//
// `check` knows what must not change in a cleaned session; after a restore much may have changed, and what counts is
// whether messages are read.

import { COLLECTIONS, catchUp, change } from './appstate.mjs'
import { firstMessage } from './check/prekeys.mjs'
import { onCopy } from './copied.mjs'
import { fromOwnDevice, fromTenant, retryReceipt, sent, toOwnDevice, toTenant } from './direct.mjs'
import { sendAsMember, sendToGroup } from './group.mjs'
import { newPeer } from './population.mjs'
import { uploadAtLogin, uploadMore, uploadWhenLow } from './prekeys.mjs'
import { everybodyTalks } from './talk.mjs'
import { loadWorld } from './world.mjs'

/**
 * `request`: session, peers, and `contacts`, new ones that write. Answers, for each, how many messages were read at the
 * first try (`first`), after a retry (`recovered`) or not at all (`lost`); `again` is a second round of everybody. With
 * `database` ({connection, company}) the tenant starts on the rows of the same session, and writes to them.
 */
export async function judge({ session, peers, database, contacts = 60 }) {
  if (!session || !peers) throw new Error('"session" and "peers" name the two directories to judge')
  return onCopy(session, async copy => {
    const world = await loadWorld(copy, peers, database)
    await uploadAtLogin(world.tenant, world.server)
    const found = { library: world.library, appState: await appState(world) }
    Object.assign(found, await direct(world))
    found.groups = await groups(world)
    found.newContacts = await newContacts(world, contacts)
    await uploadMore(world.tenant, world.server, 1)
    const { given } = world.server
    found.givenTwice = given.length - new Set(given).size
    found.again = await everybodyTalks(world)
    return found
  })
}

/** The phone changes something in each collection; the tenant asks for what it missed. */
async function appState(world) {
  const failed = []
  for (const name of COLLECTIONS) {
    await change(world, name)
    if (!(await catchUp(world, name).catch(() => false))) failed.push(name)
  }
  return { collections: COLLECTIONS.length, failed }
}

/**
 * An own device writes before the tenant has said anything, and after its first message. Half of the contacts write
 * first; to the others the tenant does.
 */
async function direct(world) {
  const { tenant, own, contacts } = world
  const chat = contacts[0].peers[0].jid
  const incoming = tally()
  const outgoing = tally()
  const ownDevices = { before: tally(), outgoing: tally(), after: tally() }
  for (const device of own) tell(ownDevices.before, await mine(world, device, chat))
  for (const [index, peer] of contacts.flatMap(({ peers }) => peers).entries()) {
    const say = async () => tell(outgoing, (await sent(fromTenant(world, peer, 'out'))).text === 'out')
    if (index % 2 === 0) await say()
    if (index === 0) {
      for (const device of own) {
        const { text, message } = await sent(toOwnDevice(world, device, 'out', chat))
        tell(ownDevices.outgoing, (text ?? inside(message)) === 'out')
      }
    }
    const first = await toTenant(world, peer, 'in')
    tell(incoming, first.text === 'in', first.text !== 'in' && (await retried(world, peer)))
    if (index % 2) await say()
  }
  for (const device of own) tell(ownDevices.after, await mine(world, device, chat))
  return { incoming, outgoing, ownDevices }
}

const inside = message => message?.deviceSentMessage?.message?.conversation

/** Nothing repeats an own device's message: it is read at once or never. */
async function mine(world, device, chat) {
  return (await fromOwnDevice(world, device, { conversation: 'mine' }, chat)).text === 'mine'
}

async function retried(world, peer) {
  await retryReceipt(world, peer)
  return (await toTenant(world, peer, 'in')).text === 'in'
}

async function groups(world) {
  const { contacts, own, spoke } = world
  const incoming = tally()
  const outgoing = tally()
  const wanted = world.groups.filter(({ own: age }) => age !== undefined)
  for (const [place, index] of spoke) {
    const group = world.groups[place]
    if (!wanted.includes(group)) continue
    const [member] = contacts[index].peers
    let { text } = await sendAsMember(world, group, member, 'in')
    const first = text === 'in'
    if (!first) ({ text } = await sendAsMember(world, group, member, 'in', { withKey: true }))
    tell(incoming, first, text === 'in')
  }
  for (const group of wanted) {
    const devices = group.members.flatMap(index => contacts[index].peers)
    const results = await sendToGroup(world, group, [...devices, ...own], 'out').catch(() => [])
    for (const device of devices) {
      const [, result] = results.find(([each]) => each === device) ?? []
      tell(outgoing, result?.text === 'out')
    }
  }
  return { incoming, outgoing }
}

/** They write with the bundles that the server gives out; one that is not read sends again after a retry receipt. */
async function newContacts(world, contacts) {
  const { server, tenant } = world
  const stranger = newPeer(tenant.library, {}, 0)
  const counts = tally()
  for (let index = 0; index < contacts; index++) {
    await uploadWhenLow(tenant, server)
    server.tenantBundle()
    const preKey = server.handedOut.at(-1)
    const { read, contact } = await firstMessage(tenant, stranger, preKey, 500000 + index)
    tell(counts, read, !read && (await recovered(world, contact)))
    if (read) server.arrived(preKey[0])
  }
  return counts
}

async function recovered(world, contact) {
  await retryReceipt(world, contact)
  return (await toTenant(world, contact, 'first', { lidKnown: false })).text === 'first'
}

const tally = () => ({ sent: 0, first: 0, recovered: 0, lost: 0 })

function tell(counts, first, recovered = false) {
  counts.sent += 1
  counts[first ? 'first' : recovered ? 'recovered' : 'lost'] += 1
}
