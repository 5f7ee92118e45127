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
 * The rule at login: up to rc.5 always a full batch, later a full one only when the server has
 * none.
 */
export async function uploadAtLogin(tenant, server) {
  const { INITIAL_PREKEY_COUNT: initial, MIN_PREKEY_COUNT: least, smallBatches } = tenant.library
  const left = server.available.length
  const count = smallBatches || left === 0 ? initial : least
  if (left <= (smallBatches ? least : count)) await uploadMore(tenant, server, count)
}

/** The rule for the server's notification. */
export async function uploadWhenLow(tenant, server) {
  const { INITIAL_PREKEY_COUNT: initial, MIN_PREKEY_COUNT: least, smallBatches } = tenant.library
  if (server.available.length < least)
    await uploadMore(tenant, server, smallBatches ? initial : least)
}
