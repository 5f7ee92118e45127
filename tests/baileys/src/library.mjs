// The library versions that sessions are written and checked with. `deep` names what a version does
// not export.

const versions = {
  rc14: { module: 'baileys-rc14', deep: { tokens: 'baileys-rc14/lib/Utils/tc-token-utils.js' } },
  rc9: { module: 'baileys-rc9', deep: {} },
  // The last one with 30 initial pre-keys: uploads 30 whenever the server runs low.
  rc5: { module: 'baileys-rc5', deep: {} },
  // Knows no LIDs: everybody is addressed by phone number, and there are no mappings nor device lists.
  6.7: { module: 'baileys-6.7', deep: {}, lids: false }
}

const LARGE_BATCH = 100

export const silent = { level: 'silent', child: () => silent }
for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) silent[level] = () => {}

/**
 * One library version: its exports, its name and the modules it keeps to itself. Load only one in a
 * process, for the tenant and its peers alike: the protobuf classes of two versions would replace
 * each other.
 */
export async function loadLibrary(name) {
  const version = versions[name]
  if (!version)
    throw new Error(`no library "${name}"; there are ${Object.keys(versions).join(', ')}`)
  const library = { ...(await import(version.module)), name, lids: version.lids ?? true }
  library.smallBatches = library.INITIAL_PREKEY_COUNT < LARGE_BATCH
  for (const [key, path] of Object.entries(version.deep)) library[key] = await import(path)
  return library
}
