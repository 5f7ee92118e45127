// What WhatsApp's server does for key bundles: it keeps uploaded pre-keys and gives each one out
// once.

export class Server {
  devices = new Map()
  /** Which waiting pre-key is given out next; which one the real server takes is not known. */
  handOut = 'middle'
  /** Pre-keys of the tenant that wait on the server, [id, public key]. */
  available = []
  /** Pre-keys that were given out and not seen again: a first message may still come. */
  handedOut = []
  /**
   * Ids that the tenant gave away, by upload or with a retry receipt: one that stands here twice would be
   * another key under an id that somebody holds.
   */
  given = []

  add(device) {
    for (const address of [device.pnJid, device.lidJid])
      if (address) this.devices.set(address, device)
  }

  device(address) {
    const found = this.devices.get(address)
    if (!found) throw new Error('no such device')
    return found
  }

  uploaded(preKeys) {
    for (const [id, pair] of Object.entries(preKeys)) {
      this.available.push([Number(id), Buffer.from(pair.public)])
      this.given.push(Number(id))
    }
  }

  /** A bundle of any device; the tenant's comes from its uploads, a peer's is made on the spot. */
  async bundle(address) {
    const device = this.device(address)
    return device === this.tenant ? this.tenantBundle() : bundleOf(device, await nextPreKey(device))
  }

  tenantBundle() {
    const places = { oldest: 0, middle: this.available.length / 3, newest: this.available.length - 1 }
    const place = Math.max(0, Math.floor(places[this.handOut]))
    const [preKey] = this.available.splice(place, 1)
    if (preKey) this.handedOut.push(preKey)
    return bundleOf(this.tenant, preKey)
  }

  arrived(id) {
    this.handedOut = this.handedOut.filter(([other]) => other !== id)
  }
}

/** A key bundle in the shape that injectE2ESession takes. */
export function bundleOf({ creds, library }, preKey) {
  const { signedPreKey } = creds
  return {
    registrationId: creds.registrationId,
    identityKey: library.generateSignalPubKey(creds.signedIdentityKey.public),
    signedPreKey: {
      keyId: signedPreKey.keyId,
      publicKey: library.generateSignalPubKey(signedPreKey.keyPair.public),
      signature: signedPreKey.signature
    },
    preKey: preKey && { keyId: preKey[0], publicKey: library.generateSignalPubKey(preKey[1]) }
  }
}

/**
 * Generates the next single pre-key the library's way, as an upload of one or a retry receipt does.
 */
export async function nextPreKey(device) {
  const { update, preKeys } = await device.auth.keys.transaction(
    () => device.library.getNextPreKeys(device.auth, 1),
    'pre-key'
  )
  await device.update(update)
  const [[id, pair]] = Object.entries(preKeys)
  return [Number(id), Buffer.from(pair.public)]
}
