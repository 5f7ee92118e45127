// First messages of new contacts: each uses a pre-key that the server still has, or gave out before
// the cleanup.

import { newPeer } from '../population.mjs'
import { tenantSeenBy } from '../direct.mjs'
import { bundleOf } from '../server.mjs'

/**
 * On the library with small batches a cleanup may remove old ones; the newest this many must
 * answer.
 */
const NEWEST = 30
const LARGE_BATCH = 100

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
    if (!(await firstMessage(tenant, stranger, preKey))) failed.add(preKey[0])
  }
  const required =
    tenant.library.INITIAL_PREKEY_COUNT > LARGE_BATCH ? uploaded : uploaded.slice(0, NEWEST)
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

async function present(tenant, [id, publicKey]) {
  const { [id]: pair } = await tenant.auth.keys.get('pre-key', [String(id)])
  return Boolean(pair) && Buffer.compare(Buffer.from(pair.public), publicKey) === 0
}

/** The same stranger under a new number each time: for the tenant that is a new contact. */
async function firstMessage(tenant, { library, creds }, preKey) {
  const lid = String(990000000000000 + preKey[0])
  const contact = newPeer(library, { lid }, 0, creds)
  const address = tenantSeenBy(contact, tenant)
  await contact.inject(address, bundleOf(tenant, preKey))
  const enc = await contact.encryptTo(address, { conversation: 'first' })
  const { text } = await tenant.receive({ attrs: { from: contact.jid }, content: [enc] })
  return text === 'first'
}
