// Trusted-contact tokens, as each library version stores them.

import { randomBytes } from 'node:crypto'
import { jid } from './device.mjs'

/** The library prunes tokens that are older than about this. */
export const TOKEN_DAYS = 21

export async function storeToken(tenant, { pn, lid }, ageSeconds) {
  const { library, auth, repository } = tenant
  const timestamp = String(Math.floor(Date.now() / 1000 - ageSeconds))
  const content = randomBytes(16)
  const from = lid ? jid(lid, 0, 'lid') : jid(pn, 0, 's.whatsapp.net')
  if (library.name === 'rc9')
    await auth.keys.set({ tctoken: { [from]: { token: content, timestamp } } })
  if (!library.tokens) return
  const { buildMergedTcTokenIndexWrite, storeTcTokensFromIqResult } = library.tokens
  const token = {
    tag: 'token',
    attrs: { type: 'trusted_contact', t: timestamp, jid: from },
    content
  }
  const result = { tag: 'iq', attrs: {}, content: [{ tag: 'tokens', attrs: {}, content: [token] }] }
  const getLIDForPN = repository.lidMapping.getLIDForPN.bind(repository.lidMapping)
  await storeTcTokensFromIqResult({ result, fallbackJid: from, keys: auth.keys, getLIDForPN })
  await auth.keys.set({ tctoken: await buildMergedTcTokenIndexWrite(auth.keys, [from]) })
}
