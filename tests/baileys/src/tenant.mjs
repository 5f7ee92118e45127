// The tenant: the one device whose state lies in files, written by the library's own
// useMultiFileAuthState, or in a database.

import { Device } from './device.mjs'
import { Ages, recorded } from './stores.mjs'

/**
 * Opens a session directory as the library does at a start, or the rows that `database` names; `ages`
 * notes the files that get written.
 */
export async function useTenantStore(library, directory, address, ages = new Ages(), database) {
  const { state, saveCreds } = database
    ? await (await import('./postgres.mjs')).usePostgresAuthState(library, database)
    : await library.useMultiFileAuthState(directory)
  const save = async () => {
    await saveCreds()
    ages.wrote('creds.json')
  }
  return new Device(library, address, state.creds, recorded(state.keys, ages), save)
}
