// Writes one session: paired, with uploaded pre-keys, messages from and to everybody, and two groups.

import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { memoryStore } from '../../src/stores.mjs'
import { pairSuccess } from '../../src/pairing.mjs'
import { Device, load } from './device.mjs'
import { GROUPS, TENANT, people } from './people.mjs'

const DAY = 86_400
const UPLOADS = 2
const COLLECTIONS = ['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular']

export async function write({ library, out, peers, now, single = false }) {
  const fork = load(library)
  const state = single ? singleFile(fork, out) : await fork.useMultiFileAuthState(out)
  const ages = new Map()
  const { creds } = state.state
  const keys = aged(state.state.keys, ages)
  const tenant = new Device(fork, `${TENANT.pn}:${TENANT.device}@s.whatsapp.net`, { creds, keys })
  const { creds: paired } = fork.configureSuccessfulPairing(pairSuccess({ ...fork }, creds, TENANT), creds)
  Object.assign(creds, paired)
  const given = []
  for (let upload = 0; upload < UPLOADS; upload++) {
    keys.now = (60 - 30 * upload) * DAY
    const found = await fork.getNextPreKeys(tenant.auth, fork.INITIAL_PREKEY_COUNT)
    Object.assign(creds, found.update)
    given.push(...Object.entries(found.preKeys))
  }
  const world = { tenant, given, others: others(fork) }
  for (const each of world.others.toSorted((one, other) => other.age - one.age)) {
    keys.now = each.age
    await meet(world, each)
  }
  await inGroups(world, keys)
  await shared(fork, keys, creds)
  await (state.saveCreds ?? state.saveState)()
  if (!single) await setTimes(out, ages, now)
  await mkdir(peers, { recursive: true })
  const kept = world.others.map(({ device: { jid, auth }, ...rest }) => [jid, auth.creds, auth.keys.content, rest])
  await writeFile(join(peers, 'world.json'), JSON.stringify({ given, kept }, fork.BufferJSON.replacer))
  return { files: single ? 1 : (await readdir(out)).length }
}

/** The first message comes from the other side, by one of the uploaded pre-keys. */
async function meet({ tenant, given }, { device }) {
  const sent = await device.encrypt(tenant, 'hello', given.shift())
  await heard(tenant, device, sent, 'hello')
  await heard(device, tenant, await tenant.encrypt(device, 'welcome'), 'welcome')
}

async function inGroups({ tenant, others }, keys) {
  const members = others.filter(each => !each.own)
  for (const [name, group] of Object.entries(GROUPS)) {
    const days = name === 'own' ? [0.2, 2, 4, 8] : [10, 20, 30, 40]
    for (const [index, days_] of days.entries()) {
      keys.now = days_ * DAY
      const author = members[index].device
      const sent = await author.encryptForGroup(group, 'all')
      await tenant.learnSenderKey(group, author, sent.senderKeyDistributionMessageKey)
      if ((await tenant.decryptOfGroup(group, author, sent.ciphertext)) !== 'all') throw new Error('a group is deaf')
    }
    keys.now = days[0] * DAY
    const sent = await tenant.encryptForGroup(group, 'from the tenant')
    const told = {}
    for (const { device } of members.slice(0, days.length)) {
      await device.learnSenderKey(group, tenant, sent.senderKeyDistributionMessageKey)
      told[device.jid] = true
    }
    await tenant.auth.keys.set({ 'sender-key-memory': { [group]: told } })
  }
}

/** What the phone shares, and the tokens of contacts where a fork keeps them. */
async function shared(fork, keys, creds) {
  keys.now = 60 * DAY
  const id = Buffer.from([0, 0, 0, 1, 0x0f, 0xff]).toString('base64')
  const key = { keyData: Buffer.alloc(32, 7), fingerprint: { rawId: 1, currentIndex: 0, deviceIndexes: [0] }, timestamp: 1 }
  await keys.set({ 'app-state-sync-key': { [id]: key } })
  creds.myAppStateKeyId = id
  for (const name of COLLECTIONS) await keys.set({ 'app-state-sync-version': { [name]: fork.newLTHashState?.() ?? { version: 1, hash: Buffer.alloc(128), indexValueMap: {} } } })
  if (!fork.tokens) return
  for (const { jid } of people(fork).filter(each => !each.own).slice(0, 4)) {
    await keys.set({ 'contacts-tc-token': { [jid]: { token: Buffer.alloc(8, 1), timestamp: '1' } } })
  }
}

export function others(fork) {
  return people(fork).map(each => {
    const auth = { creds: fork.initAuthCreds(), keys: memoryStore(fork.BufferJSON) }
    return { ...each, device: new Device(fork, each.jid, auth) }
  })
}

async function heard(device, from, sent, words) {
  if ((await device.decrypt(from, sent)) !== words) throw new Error('a message was not understood')
}

const singleFile = (fork, out) => fork.useSingleFileAuthState(join(out, 'auth_info.json'))

/** A key store that notes how old each file is: `now` is the seconds since the simulated moment. */
function aged(keys, ages) {
  return {
    now: 0,
    get: (type, ids) => keys.get(type, ids),
    async set(data) {
      await keys.set(data)
      for (const [type, entries] of Object.entries(data)) {
        for (const id of Object.keys(entries)) {
          const name = `${type}-${id}.json`.replaceAll('/', '__').replaceAll(':', '-')
          ages.set(name, Math.min(this.now, ages.get(name) ?? Infinity))
        }
      }
    }
  }
}

async function setTimes(out, ages, now) {
  for (const name of await readdir(out)) {
    const time = now - (ages.get(name) ?? DAY / 2)
    await utimes(join(out, name), time, time)
  }
}
