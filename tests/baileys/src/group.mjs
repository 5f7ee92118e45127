// Group messages with sender keys. The send path is the library's: whom the sender-key-memory names
// gets no key again.

import { delivered, seenByTenant, tenantSeenBy } from './direct.mjs'

export const STATUS = 'status@broadcast'

/** The tenant's own identity in a group, and a member's, by the group's addressing mode. */
export const inGroup = (device, group) =>
  group.addressing === 'lid' && device.lidJid ? device.lidJid : device.pnJid

const distribution = (groupId, key) => ({
  senderKeyDistributionMessage: { groupId, axolotlSenderKeyDistributionMessage: key }
})

/** Sends as the tenant; answers what each device made of it, as [device, result]. */
export async function sendToGroup(world, group, devices, words) {
  const { tenant, server } = world
  const memory = group.id === STATUS ? {} : await memoryOf(tenant, group.id)
  const encrypted = await tenant.repository.encryptGroupMessage({
    group: group.id,
    meId: inGroup(tenant, group),
    data: tenant.library.encodeWAMessage({ conversation: words })
  })
  const stanzas = []
  for (const device of devices) {
    const content = [
      { tag: 'enc', attrs: { v: '2', type: 'skmsg' }, content: encrypted.ciphertext }
    ]
    const known = group.addressing === 'lid' ? device.jid : device.pnJid
    if (!memory[known]) {
      memory[known] = true
      const message = distribution(group.id, encrypted.senderKeyDistributionMessage)
      content.unshift(await tenant.encryptTo(seenByTenant(device), message, server))
    }
    stanzas.push([
      device,
      { attrs: { from: group.id, participant: senderSeenBy(device, tenant, group) }, content }
    ])
  }
  await tenant.auth.keys.set({ 'sender-key-memory': { [group.id]: memory } })
  const results = []
  for (const [device, stanza] of stanzas) results.push([device, await device.receive(stanza)])
  return results
}

function senderSeenBy(device, tenant, group) {
  return group.addressing === 'lid' ? tenantSeenBy(device, tenant) : tenant.pnJid
}

async function memoryOf(tenant, id) {
  const found = await tenant.auth.keys.get('sender-key-memory', [id])
  return found[id] || {}
}

/**
 * Sends as a member. `withKey` forces the sender key along, as at first contact and after a retry
 * receipt.
 */
export async function sendAsMember(world, group, member, words, { withKey = false } = {}) {
  const { tenant, server } = world
  const meId = inGroup(member, group)
  const first = !(await hasSenderKey(member, group, meId))
  const data = member.library.encodeWAMessage({ conversation: words })
  const encrypted = await member.repository.encryptGroupMessage({ group: group.id, meId, data })
  const content = [{ tag: 'enc', attrs: { v: '2', type: 'skmsg' }, content: encrypted.ciphertext }]
  if (first || withKey) {
    const message = distribution(group.id, encrypted.senderKeyDistributionMessage)
    content.unshift(await member.encryptTo(tenantSeenBy(member, tenant), message, server))
  }
  return delivered(world, tenant, { attrs: { from: group.id, participant: meId }, content })
}

/** The key id of an author's sender key in this device's store. */
export function senderKeyId(device, group, author) {
  const [address, number] = device.repository.jidToSignalProtocolAddress(author).split('.')
  return `${group.id}::${address}::${number}`
}

export async function hasSenderKey(device, group, author) {
  const id = senderKeyId(device, group, author)
  return Boolean((await device.auth.keys.get('sender-key', [id]))[id])
}
