// Pre-key uploads in the library's own rhythm: at login, and when the server says that few are
// left.

/** An upload of so many, whatever the server has. */
export async function uploadMore(tenant, server, count) {
  const { update, preKeys } = await tenant.auth.keys.transaction(
    () => tenant.library.getNextPreKeys(tenant.auth, count),
    'upload-pre-keys'
  )
  await tenant.update(update)
  server.uploaded(preKeys)
}

/**
 * The rule at login: up to rc.5 always a full batch, later a full one only when the server has none. Since 7 also
 * when the latest key is missing here.
 */
export async function uploadAtLogin(tenant, server) {
  const { INITIAL_PREKEY_COUNT: initial, MIN_PREKEY_COUNT: least, smallBatches } = tenant.library
  const left = server.available.length
  const count = smallBatches || left === 0 ? initial : least
  const low = left <= (smallBatches ? least : count)
  if (low || (await latestIsMissing(tenant))) await uploadMore(tenant, server, count)
}

async function latestIsMissing({ library, creds, auth }) {
  const latest = String(creds.nextPreKeyId - 1)
  if (!library.lids || latest === '0') return false
  return !(await auth.keys.get('pre-key', [latest]))[latest]
}

/** The rule for the server's notification. */
export async function uploadWhenLow(tenant, server) {
  const { INITIAL_PREKEY_COUNT: initial, MIN_PREKEY_COUNT: least, smallBatches } = tenant.library
  if (server.available.length < least)
    await uploadMore(tenant, server, smallBatches ? initial : least)
}
