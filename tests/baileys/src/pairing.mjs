// Pairing and login: the phone signs the new device's identity and the library verifies it, as
// after a scanned QR code.

import { createHmac } from 'node:crypto'
import { jid } from './device.mjs'
import { uploadAtLogin } from './prekeys.mjs'

const ACCOUNT_SIGNATURE = Buffer.from([6, 0])

/** The stanza that WhatsApp sends when a phone accepted the device. */
export function pairSuccess({ proto, Curve }, creds, address) {
  const phone = Curve.generateKeyPair()
  const details = proto.ADVDeviceIdentity.encode({
    rawId: 1,
    timestamp: 1,
    keyIndex: 1,
    deviceType: 0
  }).finish()
  const signed = Buffer.concat([ACCOUNT_SIGNATURE, details, creds.signedIdentityKey.public])
  const identity = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: phone.public,
    accountSignature: Curve.sign(phone.private, signed)
  }).finish()
  const hmac = createHmac('sha256', Buffer.from(creds.advSecretKey, 'base64'))
    .update(identity)
    .digest()
  const content = proto.ADVSignedDeviceIdentityHMAC.encode({ details: identity, hmac }).finish()
  const attrs = {
    jid: jid(address.pn, address.device, 's.whatsapp.net'),
    lid: jid(accountLid(address), address.device, 'lid')
  }
  const parts = [
    { tag: 'device-identity', attrs: {}, content },
    { tag: 'platform', attrs: { name: 'android' } },
    { tag: 'device', attrs }
  ]
  return {
    tag: 'iq',
    attrs: { id: '1' },
    content: [{ tag: 'pair-success', attrs: {}, content: parts }]
  }
}

export async function pair(tenant) {
  const { library, creds, address } = tenant
  const { creds: update } = library.configureSuccessfulPairing(
    pairSuccess(library, creds, address),
    creds
  )
  await tenant.update(update)
}

/** WhatsApp tells every version its LID, also one that does not use it as an address. */
const accountLid = ({ lid, ownLid }) => lid ?? ownLid

export async function login(tenant, server) {
  const { address, creds } = tenant
  await uploadAtLogin(tenant, server)
  const lid = jid(accountLid(address), address.device, 'lid')
  await tenant.update({ me: { ...creds.me, lid } })
}

/** What the first login leaves: the tenant's own LID mapping and device list. */
export async function learnOwnLid(tenant) {
  const { pn, device } = tenant.address
  if (!tenant.library.lids) return
  await tenant.repository.lidMapping.storeLIDPNMappings([{ lid: tenant.lidJid, pn: tenant.pnJid }])
  await tenant.auth.keys.set({ 'device-list': { [pn]: [String(device)] } })
  await tenant.repository.migrateSession(tenant.pnJid, tenant.lidJid)
}
