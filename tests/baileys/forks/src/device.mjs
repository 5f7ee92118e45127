// One device of a fork: its credentials, its key store, and the fork's own Signal functions on top of both.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The forks, by the names of package.json. `lids`: it addresses people by LID where the server does. */
export const FORKS = {
  whaileys: { lids: true, tokens: true },
  'adiwajshing-5': { lids: false, tokens: false },
  'adiwajshing-4': { lids: false, tokens: false }
}

export function load(name) {
  if (!Object.hasOwn(FORKS, name)) throw new Error(`no fork "${name}"; there are ${Object.keys(FORKS).join(', ')}`)
  return { ...require(name), ...FORKS[name], name }
}

export class Device {
  constructor(fork, jid, auth) {
    this.fork = fork
    this.jid = jid
    this.auth = auth
  }

  async hasSession(jid) {
    const id = this.fork.jidToSignalProtocolAddress(jid).toString()
    return Boolean((await this.auth.keys.get('session', [id]))[id])
  }

  /** Encrypts for another device, by a bundle of its keys where there is no session. */
  async encrypt(to, words, preKey) {
    if (!(await this.hasSession(to.jid))) {
      await this.fork.parseAndInjectE2ESessions(await bundle(to, preKey), this.auth)
    }
    return this.fork.encryptSignalProto(to.jid, Buffer.from(words), this.auth)
  }

  /** The text, or undefined where it cannot be read. */
  async decrypt(from, { type, ciphertext }) {
    try {
      return String(await this.fork.decryptSignalProto(from.jid, type, ciphertext, this.auth))
    } catch {
      return undefined
    }
  }

  senderKeyId(group, author) {
    return this.fork.jidToSignalSenderKeyName(group, author.jid)
  }

  async hasSenderKey(group, author) {
    const id = this.senderKeyId(group, author)
    return Boolean((await this.auth.keys.get('sender-key', [id]))[id])
  }

  encryptForGroup(group, words) {
    return this.fork.encryptSenderKeyMsgSignalProto(group, Buffer.from(words), this.jid, this.auth)
  }

  learnSenderKey(group, author, key) {
    const item = { groupId: group, axolotlSenderKeyDistributionMessage: key }
    return this.fork.processSenderKeyMessage(author.jid, item, this.auth)
  }

  async decryptOfGroup(group, author, ciphertext) {
    try {
      return String(await this.fork.decryptGroupSignalProto(group, author.jid, ciphertext, this.auth))
    } catch {
      return undefined
    }
  }
}

/** The answer of WhatsApp's server when somebody asks for a device's keys. */
async function bundle({ fork, jid, auth }, [id, pair] = []) {
  const keys = [
    { tag: 'registration', attrs: {}, content: fork.encodeBigEndian(auth.creds.registrationId) },
    { tag: 'identity', attrs: {}, content: auth.creds.signedIdentityKey.public },
    fork.xmppSignedPreKey(auth.creds.signedPreKey)
  ]
  if (pair) keys.push(fork.xmppPreKey(pair, Number(id)))
  const users = [{ tag: 'user', attrs: { jid }, content: keys }]
  return { tag: 'iq', attrs: {}, content: [{ tag: 'list', attrs: {}, content: users }] }
}
