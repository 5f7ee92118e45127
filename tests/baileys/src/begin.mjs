// What the library does in a directory without a pairing: it connects to a server in this process (see login.mjs), which
// asks for one, and shows a QR code. With `pair`, a phone scans it.

import { readdirSync } from 'node:fs'
import { loadLibrary, silent } from './library.mjs'
import { listen, within } from './login.mjs'
import { pairSuccess } from './pairing.mjs'

const LONGEST_MS = 30_000
const MAPPING = /^lid-mapping-(.+)\.json$/

/**
 * `asked`: whether a QR code was shown, with the new device's own keys in it. `paired`: whether a scan of it has made a
 * session. `mappings`: how many of the LID mappings in the directory the library reads; `keys`: how many keys of other
 * kinds it finds there, by the names in `others`.
 */
export async function begin({ library: name = 'rc14', session, address, pair = false, others = [] }) {
  const library = await loadLibrary(name)
  const { state, saveCreds } = await library.useMultiFileAuthState(session)
  const ids = readdirSync(session).flatMap(each => MAPPING.exec(each)?.[1] ?? [])
  const mappings = Object.values(await state.keys.get('lid-mapping', ids)).filter(each => typeof each === 'string')
  let keys = 0
  for (const [kind, id] of others) keys += (await state.keys.get(kind, [id]))[id] ? 1 : 0
  const fresh = !state.creds.me && !state.creds.account
  const server = await listen(name, library, { refs: ['first', 'second'] })
  const socket = library.makeWASocket({
    auth: state,
    logger: silent,
    waWebSocketUrl: `ws://127.0.0.1:${server.port}`
  })
  socket.ev.on('creds.update', saveCreds)
  const shown = new Promise(resolve => socket.ev.on('connection.update', ({ qr }) => qr && resolve(qr)))
  const code = await within(shown, LONGEST_MS)
  const own = Buffer.from(state.creds.signedIdentityKey.public).toString('base64')
  const asked = typeof code === 'string' && code.includes('first') && code.includes(own)
  let paired = false
  if (asked && pair) {
    const login = new Promise(resolve =>
      socket.ev.on('connection.update', ({ isNewLogin }) => isNewLogin && resolve(true))
    )
    server.send(pairSuccess(library, state.creds, address))
    paired = (await within(login, LONGEST_MS)) === true
    await saveCreds()
  }
  await socket.end(undefined)
  server.close()
  return { passed: asked && (paired || !pair), fresh, asked, paired, mappings: mappings.length, keys }
}
