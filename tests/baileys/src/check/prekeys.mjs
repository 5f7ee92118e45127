// First messages of new contacts: each uses a pre-key that the server still has, or gave out before
// the cleanup.

import { newPeer } from '../population.mjs'
import { tenantSeenBy } from '../direct.mjs'
import { uploadWhenLow } from '../prekeys.mjs'
import { bundleOf } from '../server.mjs'

/**
 * On the library with small batches a cleanup may remove old ones; the newest this many must
 * answer.
 */
const NEWEST = 30

/**
 * Every uploaded key is looked up; `messages` of them, spread evenly, get a real first message
 * ("all" takes long).
 */
export async function preKeys(world, { messages = 40 }) {
  const { server, tenant } = world
  const uploaded = [...server.available, ...server.handedOut].sort(([a], [b]) => b - a)
  const stranger = newPeer(tenant.library, {}, 0)
  const step = messages === 'all' ? 1 : Math.max(1, Math.ceil(uploaded.length / messages))
  const failed = new Set()
  let sent = 0
  for (const [place, preKey] of uploaded.entries()) {
    if (!(await present(tenant, preKey))) failed.add(preKey[0])
    if (place % step) continue
    sent += 1
    if (!(await firstMessage(tenant, stranger, preKey)).read) failed.add(preKey[0])
  }
  const required = tenant.library.smallBatches ? uploaded.slice(0, NEWEST) : uploaded
  const lost = required.filter(([id]) => failed.has(id)).length
  const waiting = server.available.length
  const counts = {
    waiting,
    handedOut: uploaded.length - waiting,
    messages: sent,
    required: required.length,
    lost
  }
  return { passed: !lost, ...counts, unanswered: failed.size }
}

/**
 * New contacts write, one after the other, with the bundles that the server gives out; the tenant
 * uploads whenever the server runs low. Each first message must arrive at the first try.
 */
export async function newContacts({ server, tenant }, { contacts = 20 }) {
  const stranger = newPeer(tenant.library, {}, 0)
  let arrived = 0
  for (let index = 0; index < contacts; index++) {
    await uploadWhenLow(tenant, server)
    server.tenantBundle()
    const preKey = server.handedOut.at(-1)
    if (!(await firstMessage(tenant, stranger, preKey, 500000 + index)).read) continue
    server.arrived(preKey[0])
    arrived += 1
  }
  return { passed: arrived === contacts, contacts, arrived }
}

async function present(tenant, [id, publicKey]) {
  const { [id]: pair } = await tenant.auth.keys.get('pre-key', [String(id)])
  return Boolean(pair) && Buffer.compare(Buffer.from(pair.public), publicKey) === 0
}

/** The same stranger under a new number each time: for the tenant that is a new contact. */
export async function firstMessage(tenant, { library, creds }, preKey, index = preKey[0]) {
  const number = String(990000000000000 + index)
  const contact = newPeer(library, library.lids ? { lid: number } : { pn: number }, 0, creds)
  const address = tenantSeenBy(contact, tenant)
  await contact.inject(address, bundleOf(tenant, preKey))
  const enc = await contact.encryptTo(address, { conversation: 'first' })
  const { text } = await tenant.receive({ attrs: { from: contact.jid }, content: [enc] })
  return { read: text === 'first', contact }
}
