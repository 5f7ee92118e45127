// Starts the fork on a copy of a session and lets everybody talk: those whose session is there at the first try, the
// others by the fork's own way back.

import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore } from '../../src/stores.mjs'
import { Device, load } from './device.mjs'
import { GROUPS, TENANT } from './people.mjs'

export async function check({ library, session, peers }) {
  const fork = load(library)
  const copy = await mkdtemp(join(tmpdir(), 'fork-'))
  try {
    await cp(session, copy, { recursive: true })
    return await onCopy(fork, copy, peers)
  } finally {
    await rm(copy, { recursive: true })
  }
}

async function onCopy(fork, copy, peers) {
  const { given, kept } = JSON.parse(await readFile(join(peers, 'world.json')), fork.BufferJSON.reviver)
  const { state } = await fork.useMultiFileAuthState(copy)
  const tenant = new Device(fork, `${TENANT.pn}:${TENANT.device}@s.whatsapp.net`, state)
  const others = kept.map(([jid, creds, content, rest]) => {
    const texts = Object.entries(content).map(([type, entries]) => [type, { ...entries }])
    return { ...rest, device: new Device(fork, jid, { creds, keys: memoryStore(fork.BufferJSON, Object.fromEntries(texts)) }) }
  })
  const result = { paired: Boolean(state.creds.me?.id && state.creds.account), atOnce: 0, healed: 0, lost: 0, ownLost: 0 }
  for (const other of others) {
    const { device } = other
    const there = await tenant.hasSession(device.jid)
    const spoken = (await device.decrypt(tenant, await tenant.encrypt(device, 'again'))) === 'again'
    const answered = (await tenant.decrypt(device, await device.encrypt(tenant, 'and back'))) === 'and back'
    result[!(spoken && answered) ? 'lost' : there ? 'atOnce' : 'healed'] += 1
    if (other.own && !(there && spoken && answered)) result.ownLost += 1
  }
  result.newContacts = 0
  for (const preKey of given) {
    const auth = { creds: fork.initAuthCreds(), keys: memoryStore(fork.BufferJSON) }
    const stranger = new Device(fork, '12125550199@s.whatsapp.net', auth)
    await tenant.auth.keys.set({ session: { [fork.jidToSignalProtocolAddress(stranger.jid).toString()]: null } })
    const fresh = new Device(fork, `1212555${String(9000 + Number(preKey[0]))}@s.whatsapp.net`, auth)
    result.newContacts += (await tenant.decrypt(fresh, await fresh.encrypt(tenant, 'new here', preKey))) === 'new here'
  }
  result.waiting = given.length
  result.groups = await inGroups(tenant, others)
  const { deaf } = result.groups
  result.passed = result.paired && !result.lost && !result.ownLost && !deaf && result.newContacts === given.length
  return result
}

/** A member without the tenant's new key is sent it where the memory file does not name them. */
async function inGroups(tenant, others) {
  const members = others.filter(each => !each.own).slice(0, 4)
  const found = { understood: 0, deaf: 0, keptKeys: 0, lostOnce: 0 }
  for (const group of Object.values(GROUPS)) {
    const told = (await tenant.auth.keys.get('sender-key-memory', [group]))[group] ?? {}
    const sent = await tenant.encryptForGroup(group, 'to all')
    for (const { device } of members) {
      if (!told[device.jid]) await device.learnSenderKey(group, tenant, sent.senderKeyDistributionMessageKey)
      const words = await device.decryptOfGroup(group, tenant, sent.ciphertext)
      found[words === 'to all' ? 'understood' : 'deaf'] += 1
      const there = await tenant.hasSenderKey(group, device)
      const said = await device.encryptForGroup(group, 'from a member')
      if (!there) found.lostOnce += 1
      if (!there) await tenant.learnSenderKey(group, device, said.senderKeyDistributionMessageKey)
      const heard = await tenant.decryptOfGroup(group, device, said.ciphertext)
      if (heard !== 'from a member') found.deaf += 1
      found.keptKeys += there
    }
  }
  return found
}
