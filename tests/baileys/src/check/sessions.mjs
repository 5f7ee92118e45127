// Direct messages: what was kept works at the first try in both directions, what was removed heals.

import { access, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Device } from '../device.mjs'
import { silent } from '../library.mjs'
import { fileName } from '../stores.mjs'
import { fromOwnDevice, fromTenant, retryReceipt, toOwnDevice, toTenant } from '../direct.mjs'

/**
 * The tenant's own other devices: nothing heals them, so every message must arrive at the first
 * try.
 */
export async function ownDevices(world) {
  const chat = world.contacts[0].peers[0].jid
  let standing = 0
  for (const device of world.own) {
    const kept = await world.tenant.hasSession(device.jid)
    const incoming = await fromOwnDevice(world, device, { conversation: 'own in' }, chat)
    const outgoing = await toOwnDevice(world, device, 'own out', chat)
    if (kept && incoming.text === 'own in' && textInside(outgoing) === 'own out') standing += 1
  }
  return { passed: standing === world.own.length, devices: world.own.length, standing }
}

const textInside = ({ message, text }) => text ?? message?.deviceSentMessage?.message?.conversation

export async function sessions(world) {
  const counts = { kept: 0, exchanging: 0, removed: 0, healed: 0 }
  const devices = world.contacts.flatMap(({ peers }) => peers)
  for (const [index, peer] of devices.entries()) {
    if (await world.tenant.hasSession(peer.jid)) {
      counts.kept += 1
      if (await bothWays(world, peer)) counts.exchanging += 1
    } else {
      counts.removed += 1
      if (await heals(world, peer, index % 2 === 0)) counts.healed += 1
    }
  }
  return {
    passed: counts.kept === counts.exchanging && counts.removed === counts.healed,
    ...counts
  }
}

async function bothWays(world, peer) {
  const incoming = await toTenant(world, peer, 'in')
  const outgoing = await fromTenant(world, peer, 'out')
  return incoming.text === 'in' && outgoing.text === 'out'
}

/**
 * By a retry receipt when the contact writes first, by a new session from its bundle when the
 * tenant does.
 */
async function heals(world, peer, contactFirst) {
  if (contactFirst) {
    const { failure } = await toTenant(world, peer, 'lost')
    if (failure) await retryReceipt(world, peer)
  } else {
    const { text } = await fromTenant(world, peer, 'first')
    if (text !== 'first') return false
  }
  return bothWays(world, peer)
}

/**
 * What a running process does to a session file that is taken away: it writes back what it has in
 * memory. One that starts afterwards finds none and builds a new session, with another base key.
 */
export async function cachedSession({ tenant, contacts, server, directory }) {
  const { library, address, creds, store } = tenant
  const [peer] = contacts[0].peers
  const id = tenant.repository.jidToSignalProtocolAddress(peer.jid)
  const path = join(directory, fileName('session', id))
  const say = device => device.encryptTo(peer.jid, { conversation: 'out' }, server)
  const running = new Device(
    library,
    address,
    creds,
    library.makeCacheableSignalKeyStore(store, silent)
  )
  await say(running)
  const before = await baseKeys(path)
  await rm(path)
  await say(running)
  const back = await present(path)
  const same = back && overlap(before, await baseKeys(path))
  await rm(path, { force: true })
  const started = new Device(library, address, creds, store)
  const known = await started.hasSession(peer.jid)
  await say(started)
  const anew = !overlap(before, await baseKeys(path))
  return { passed: back && same && !known && anew, back, same, known, anew }
}

const baseKeys = async path => Object.keys(JSON.parse(await readFile(path, 'utf8'))._sessions)

const overlap = (some, others) => some.some(key => others.includes(key))

const present = path => access(path).then(
  () => true,
  () => false
)
