// What a login alone writes: the library connects to a server in this process, which answers its
// queries and sends no message. The server speaks the Noise handshake under a certificate whose root
// the library is told to trust; what a real server and a real phone would send is not part of it.

import { readdirSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { loadLibrary, silent } from './library.mjs'

const QUIET_MS = 1500
const LONGEST_MS = 30_000
const DAY_SECONDS = 86_400
const NOTHING = Buffer.alloc(0)
// A server that still has this many pre-keys asks for none.
const PRE_KEYS_LEFT = '500'

/** The names that a login writes, and what the library asked the server. */
export async function login({ library: name = 'rc14', session, lid }) {
  const library = await loadLibrary(name)
  const before = aged(session)
  const server = await listen(name, library, { lid })
  const { state, saveCreds } = await library.useMultiFileAuthState(session)
  const socket = library.makeWASocket({
    auth: state,
    logger: silent,
    waWebSocketUrl: `ws://127.0.0.1:${server.port}`,
    shouldSyncHistoryMessage: () => false
  })
  socket.ev.on('creds.update', saveCreds)
  const opened = new Promise(resolve =>
    socket.ev.on('connection.update', ({ connection }) => {
      if (connection === 'open' || connection === 'close') resolve(connection === 'open')
    })
  )
  const passed = await within(opened, LONGEST_MS)
  // The library saves what it learned at the login some time after it; how long depends on the machine.
  await within(saved(session, before), LONGEST_MS)
  await server.quiet(QUIET_MS)
  const after = times(session)
  const written = Object.keys(after).filter(each => after[each] !== before[each])
  await socket.end(undefined)
  server.close()
  return { passed: passed === true, asked: server.asked, written: written.sort() }
}

export function within(promise, milliseconds) {
  const late = new Promise(resolve => setTimeout(resolve, milliseconds, false).unref())
  return Promise.race([promise, late])
}

async function saved(session, before) {
  while (times(session)['creds.json'] === before['creds.json'])
    await new Promise(resolve => setTimeout(resolve, 50))
}

function times(session) {
  return Object.fromEntries(
    readdirSync(session).map(each => [each, statSync(join(session, each)).mtimeMs])
  )
}

/** Every file as of yesterday, so that whatever is written shows. */
function aged(session) {
  const yesterday = Math.floor(Date.now() / 1000) - DAY_SECONDS
  for (const each of readdirSync(session)) utimesSync(join(session, each), yesterday, yesterday)
  return times(session)
}

/**
 * A server for one library version. It lets an account with that `lid` in; with `refs` it takes whoever comes for a new
 * device, and offers these for a QR code.
 */
export async function listen(name, library, { lid, refs }) {
  const module = { rc14: 'baileys-rc14', rc9: 'baileys-rc9', rc5: 'baileys-rc5' }[name] ?? `baileys-${name}`
  const own = {
    ...(await import(`${module}/lib/Defaults/index.js`)),
    ...(await import(`${module}/lib/Utils/crypto.js`)),
    ...(await import(`${module}/lib/WABinary/index.js`))
  }
  const { WebSocketServer } = createRequire(import.meta.resolve(module))('ws')
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise(resolve => server.once('listening', resolve))
  const trust = authority(library, own)
  const asked = []
  const peers = []
  let heard = Date.now()
  server.on('connection', socket => {
    const peer = new Peer(socket, library, own, trust, { lid, refs }, node => asked.push(node))
    peers.push(peer)
    let last = Promise.resolve()
    socket.on('message', data => {
      heard = Date.now()
      last = last.then(() => peer.take(data))
    })
  })
  return {
    port: server.address().port,
    asked,
    close: () => server.close(),
    /** Sends a stanza to whoever has connected. */
    send: node => peers.forEach(each => each.send(node)),
    async quiet(milliseconds) {
      while (Date.now() - heard < milliseconds)
        await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

/** A certificate chain, and the library made to trust its root. */
function authority({ proto, Curve }, own) {
  const [root, middle, server] = [1, 2, 3].map(() => Curve.generateKeyPair())
  own.WA_CERT_DETAILS.PUBLIC_KEY = root.public
  const details = (serial, issuerSerial, key) =>
    proto.CertChain.NoiseCertificate.Details.encode({ serial, issuerSerial, key }).finish()
  const signed = (signer, bytes) => ({
    details: bytes,
    signature: Curve.sign(signer.private, bytes)
  })
  const chain = proto.CertChain.encode({
    intermediate: signed(root, details(1, own.WA_CERT_DETAILS.SERIAL, middle.public)),
    leaf: signed(middle, details(2, 1, server.public))
  }).finish()
  return { server, chain }
}

/** The server's side of one connection: Noise XX, then a stream of binary nodes. */
class Peer {
  constructor(socket, library, own, trust, { lid, refs }, asked) {
    Object.assign(this, { socket, library, own, trust, lid, refs, asked })
    this.bytes = NOTHING
    this.steps = [data => this.hello(data), data => this.finish(data)]
    this.hash = this.salt = this.key = Buffer.from(own.NOISE_MODE)
    this.counter = 0
    this.transport = null
    this.mixHash(Buffer.from(own.NOISE_WA_HEADER))
    this.introduced = false
  }

  async take(data) {
    this.bytes = Buffer.concat([this.bytes, data])
    if (!this.introduced) {
      const header = Buffer.from(this.own.NOISE_WA_HEADER)
      this.bytes = this.bytes.subarray(this.bytes.indexOf(header) + header.length)
      this.introduced = true
    }
    while (this.bytes.length >= 3) {
      const end = 3 + this.bytes.readUIntBE(0, 3)
      if (this.bytes.length < end) return
      const frame = this.bytes.subarray(3, end)
      this.bytes = this.bytes.subarray(end)
      const step = this.steps.shift()
      await (step ? step(frame) : this.answer(frame))
    }
  }

  async hello(frame) {
    const { proto, Curve } = this.library
    const { clientHello } = proto.HandshakeMessage.decode(frame)
    this.ephemeral = Curve.generateKeyPair()
    this.mixHash(clientHello.ephemeral)
    this.mixHash(this.ephemeral.public)
    await this.mixKey(Curve.sharedKey(this.ephemeral.private, clientHello.ephemeral))
    const key = this.encrypt(this.trust.server.public)
    await this.mixKey(Curve.sharedKey(this.trust.server.private, clientHello.ephemeral))
    const serverHello = {
      ephemeral: this.ephemeral.public,
      static: key,
      payload: this.encrypt(this.trust.chain)
    }
    this.frame(proto.HandshakeMessage.encode({ serverHello }).finish())
  }

  async finish(frame) {
    const { proto, Curve } = this.library
    const { clientFinish } = proto.HandshakeMessage.decode(frame)
    const key = this.decrypt(clientFinish.static)
    await this.mixKey(Curve.sharedKey(this.ephemeral.private, key))
    this.decrypt(clientFinish.payload)
    const keys = await this.own.hkdf(NOTHING, 64, { salt: this.salt, info: '' })
    this.transport = { read: keys.subarray(0, 32), write: keys.subarray(32), in: 0, out: 0 }
    if (this.refs) return this.send(pairDevice(this.refs))
    const t = String(Math.floor(Date.now() / 1000))
    this.send({ tag: 'success', attrs: { t, lid: this.lid, props: '1' } })
    this.send({ tag: 'ib', attrs: {}, content: [{ tag: 'offline', attrs: { count: '0' } }] })
  }

  async answer(frame) {
    const { transport, own } = this
    const plain = own.aesDecryptGCM(frame, transport.read, nonce(transport.in++), NOTHING)
    const node = await own.decodeBinaryNode(plain)
    const [child] = Array.isArray(node.content) ? node.content : []
    this.asked([node.tag, node.attrs.xmlns, child?.tag].filter(Boolean).join(' '))
    if (node.tag !== 'iq') return
    const content =
      child?.tag === 'count' ? [{ tag: 'count', attrs: { value: PRE_KEYS_LEFT } }] : undefined
    const attrs = { id: node.attrs.id, type: 'result', from: 's.whatsapp.net' }
    this.send({ tag: 'iq', attrs, content })
  }

  send(node) {
    const { transport, own } = this
    const plain = own.encodeBinaryNode(node)
    this.frame(own.aesEncryptGCM(plain, transport.write, nonce(transport.out++), NOTHING))
  }

  frame(data) {
    const length = Buffer.alloc(3)
    length.writeUIntBE(data.length, 0, 3)
    this.socket.send(Buffer.concat([length, data]))
  }

  encrypt(plain) {
    const sealed = this.own.aesEncryptGCM(plain, this.key, nonce(this.counter++), this.hash)
    this.mixHash(sealed)
    return sealed
  }

  decrypt(sealed) {
    const plain = this.own.aesDecryptGCM(sealed, this.key, nonce(this.counter++), this.hash)
    this.mixHash(sealed)
    return plain
  }

  mixHash(data) {
    this.hash = this.own.sha256(Buffer.concat([this.hash, data]))
  }

  async mixKey(secret) {
    const keys = await this.own.hkdf(Buffer.from(secret), 64, { salt: this.salt, info: '' })
    this.salt = keys.subarray(0, 32)
    this.key = keys.subarray(32)
    this.counter = 0
  }
}

/** The stanza that the server sends to a device that nobody has paired. */
function pairDevice(refs) {
  const content = refs.map(ref => ({ tag: 'ref', attrs: {}, content: Buffer.from(ref) }))
  return {
    tag: 'iq',
    attrs: { id: '1', type: 'set', from: 's.whatsapp.net', xmlns: 'md' },
    content: [{ tag: 'pair-device', attrs: {}, content }]
  }
}

function nonce(counter) {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setUint32(8, counter)
  return bytes
}
