// talk: the tenant's life goes on in its own directory, and the peers remember it.

import { resolve } from 'node:path'
import { COLLECTIONS, patch } from './appstate.mjs'
import { fromOwnDevice, fromTenant, sent, toOwnDevice, toTenant } from './direct.mjs'
import { sendAsMember, sendToGroup } from './group.mjs'
import { uploadMore } from './prekeys.mjs'
import { loadWorld, saveWorld } from './world.mjs'

/**
 * `request`: session, peers, `messages` each way with every contact and own device, `groups` messages in both directions
 * in each group, `patches` of each collection by the phone, and `preKeys` to upload. Answers how many of the messages
 * were read at the first try, and the ids of the pre-keys that the server gives out afterwards.
 */
export async function talk({ session, peers, preKeys = 10, ...amounts }) {
  if (!session || !peers) throw new Error('"session" and "peers" name the two directories')
  const world = await loadWorld(resolve(session), resolve(peers))
  const { tenant, server } = world
  const counts = await everybodyTalks(world, { messages: 3, ...amounts })
  if (preKeys) await uploadMore(tenant, server, preKeys)
  await saveWorld(world, { library: world.library, faults: world.faults }, world.byKind, resolve(peers))
  const ids = [...server.available, ...server.handedOut].map(([id]) => id)
  return { passed: counts.read === counts.sent, ...counts, ids: ids.sort((a, b) => a - b) }
}

/** Lets everybody exchange so many messages; answers how many there were and how many were read at the first try. */
export async function everybodyTalks(world, { messages = 1, groups = 1, patches = 0 } = {}) {
  const counts = { sent: 0, read: 0 }
  const count = ({ text, message }, words) => {
    counts.sent += 1
    const inside = message?.deviceSentMessage?.message?.conversation
    if ((text ?? inside) === words) counts.read += 1
  }
  for (let turn = 0; turn < messages; turn++) await inTurn(world, count)
  for (let turn = 0; turn < groups; turn++) await inGroups(world, count)
  for (let turn = 0; turn < patches; turn++) for (const name of COLLECTIONS) await patch(world, name)
  return counts
}

async function inTurn(world, count) {
  const { own, contacts } = world
  const chat = contacts[0].peers[0].jid
  for (const peer of contacts.flatMap(({ peers }) => peers)) {
    count(await toTenant(world, peer, 'question'), 'question')
    count(await sent(fromTenant(world, peer, 'answer')), 'answer')
  }
  for (const device of own) {
    count(await fromOwnDevice(world, device, { conversation: 'mine' }, chat), 'mine')
    count(await sent(toOwnDevice(world, device, 'yours', chat)), 'yours')
  }
}

async function inGroups(world, count) {
  const { own, contacts, groups, spoke } = world
  for (const group of groups.filter(({ own: age }) => age !== undefined)) {
    const devices = [...group.members.flatMap(index => contacts[index].peers), ...own]
    const sending = sendToGroup(world, group, devices, 'to all')
    for (const [, result] of await sending.catch(() => devices.map(device => [device, {}]))) count(result, 'to all')
  }
  for (const [place, index] of spoke)
    count(await sendAsMember(world, groups[place], contacts[index].peers[0], 'to group'), 'to group')
}
