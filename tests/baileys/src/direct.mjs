// Messages between two people: every device of the other side, and the sender's own other devices.

import { jid } from './device.mjs'
import { bundleOf, nextPreKey } from './server.mjs'

const text = words => ({ conversation: words })

/** The address under which the tenant reaches a peer's device. */
export const seenByTenant = peer => peer.jid

/**
 * The address under which a peer reaches the tenant: one that knows no LIDs uses the phone number.
 */
export const tenantSeenBy = (peer, tenant) => (peer.address.lid ? tenant.jid : tenant.pnJid)

/** From a contact's device to the tenant. */
export async function toTenant(world, peer, words, { lidKnown = true } = {}) {
  const { tenant, server } = world
  const enc = await peer.encryptTo(tenantSeenBy(peer, tenant), text(words), server)
  const other =
    peer.address.lid && lidKnown ? { sender_pn: jid(peer.address.pn, 0, 's.whatsapp.net') } : {}
  return delivered(world, tenant, { attrs: { from: peer.jid, ...other }, content: [enc] })
}

/** From the tenant to one device. */
export async function fromTenant({ tenant, server }, peer, words) {
  const enc = await tenant.encryptTo(seenByTenant(peer), text(words), server)
  return peer.receive({ attrs: { from: tenantSeenBy(peer, tenant) }, content: [enc] })
}

/** From the tenant to its own other device, wrapped as WhatsApp wraps what was sent elsewhere. */
export async function toOwnDevice({ tenant, server }, device, words, chat) {
  const message = { deviceSentMessage: { destinationJid: chat, message: text(words) } }
  const enc = await tenant.encryptTo(device.jid, message, server)
  return device.receive({ attrs: { from: tenant.jid, recipient: chat }, content: [enc] })
}

export async function fromOwnDevice(world, device, message, chat) {
  const { tenant, server } = world
  const wrapped = chat ? { deviceSentMessage: { destinationJid: chat, message } } : message
  const enc = await device.encryptTo(tenant.jid, wrapped, server)
  return delivered(world, tenant, {
    attrs: { from: device.jid, ...(chat && { recipient: chat }) },
    content: [enc]
  })
}

/** What became of a message from the tenant. A library may refuse to send it: then nobody reads it. */
export const sent = sending => sending.catch(() => ({}))

/** Hands a stanza to the tenant and tells the server which pre-key it used up. */
export async function delivered({ server }, tenant, stanza) {
  const before = await presentOf(tenant, server.handedOut)
  const result = await tenant.receive(stanza)
  for (const id of before) {
    const { [id]: left } = await tenant.auth.keys.get('pre-key', [id])
    if (!left) server.arrived(Number(id))
  }
  return result
}

async function presentOf(tenant, handedOut) {
  const ids = handedOut.map(([id]) => String(id))
  const found = await tenant.auth.keys.get('pre-key', ids)
  return ids.filter(id => found[id])
}

/**
 * What a device does about a message it could not read: its second retry receipt carries a fresh
 * key bundle.
 */
export async function retryReceipt({ tenant, server }, peer) {
  const preKey = await nextPreKey(tenant)
  server.given.push(preKey[0])
  await peer.inject(tenantSeenBy(peer, tenant), bundleOf(tenant, preKey))
}

/** What the tenant learns from a device query about a contact. */
export async function deviceQuery(tenant, contact, byLid) {
  const { pn, lid, devices } = contact
  if (!tenant.library.lids) return
  if (lid) {
    const pair = { lid: jid(lid, 0, 'lid'), pn: jid(pn, 0, 's.whatsapp.net') }
    await tenant.repository.lidMapping.storeLIDPNMappings([pair])
  }
  const user = byLid && lid ? lid : pn
  await tenant.auth.keys.set({ 'device-list': { [user]: devices.map(String) } })
}
