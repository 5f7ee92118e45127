// One WhatsApp device: an identity, a key store and the library's Signal repository on top of both.

import { randomBytes } from 'node:crypto'
import { silent } from './library.mjs'

const transactions = { maxCommitRetries: 3, delayBetweenTriesMs: 5 }

export class Device {
  /** `address` is {pn, lid, device}; a device without a lid is known by its phone number only. */
  constructor(library, address, creds, store, saveCreds = async () => {}) {
    this.library = library
    this.address = address
    this.creds = creds
    this.store = store
    this.saveCreds = saveCreds
    this.auth = { creds, keys: library.addTransactionCapability(store, silent, transactions) }
    this.repository = library.DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      this.auth,
      silent,
      async () => []
    )
  }

  get pnJid() {
    return jid(this.address.pn, this.address.device, 's.whatsapp.net')
  }

  get lidJid() {
    return this.address.lid ? jid(this.address.lid, this.address.device, 'lid') : undefined
  }

  /** The address that others use for this device. */
  get jid() {
    return this.lidJid ?? this.pnJid
  }

  async update(changes) {
    Object.assign(this.creds, changes)
    await this.saveCreds()
  }

  async hasSession(peerJid) {
    if (this.repository.validateSession)
      return (await this.repository.validateSession(peerJid)).exists
    const address = this.repository.jidToSignalProtocolAddress(peerJid)
    return Boolean((await this.auth.keys.get('session', [address]))[address])
  }

  /**
   * Encrypts for one device, fetching a key bundle first when there is no open session, as the send
   * path does.
   */
  async encryptTo(peerJid, message, server) {
    if (!(await this.hasSession(peerJid))) await this.inject(peerJid, await server.bundle(peerJid))
    const data = this.library.encodeWAMessage(message)
    const { type, ciphertext } = await this.repository.encryptMessage({ jid: peerJid, data })
    return { tag: 'enc', attrs: { v: '2', type }, content: ciphertext }
  }

  inject(peerJid, session) {
    return this.repository.injectE2ESession({ jid: peerJid, session })
  }

  /**
   * Takes a message stanza the way the receive path does: learn the other address, migrate,
   * decrypt.
   */
  async receive(stanza) {
    const { pn, lid } = this.address
    const { repository, library } = this
    const me = [
      jid(pn, this.address.device, 's.whatsapp.net'),
      lid ? jid(lid, this.address.device, 'lid') : ''
    ]
    const node = { tag: 'message', ...stanza, attrs: { id: messageId(), t: '1', ...stanza.attrs } }
    const received = library.decryptMessageNode(node, ...me, repository, silent)
    const { key } = received.fullMessage
    const other = key.participantAlt || key.remoteJidAlt
    if (other && !key.fromMe && library.lids) {
      const primary = key.participant || key.remoteJid
      const [from, to] = other.endsWith('@lid') ? [primary, other] : [other, primary]
      await repository.lidMapping.storeLIDPNMappings([{ lid: to, pn: from }])
      await repository.migrateSession(from, to)
    }
    await received.decrypt()
    const failure = received.fullMessage.messageStubParameters?.[0]
    return {
      message: received.fullMessage.message,
      text: textOf(received.fullMessage.message),
      failure
    }
  }
}

export function jid(user, device, server) {
  return device ? `${user}:${device}@${server}` : `${user}@${server}`
}

export const messageId = () => randomBytes(8).toString('hex').toUpperCase()

const textOf = message => message?.conversation || undefined
