// The tenant: the one device whose state lies in files, written by the library's own
// useMultiFileAuthState.

import { Device } from './device.mjs'
import { Ages, recorded } from './stores.mjs'

/**
 * Opens a session directory as the library does at a start; `ages` notes the files that get
 * written.
 */
export async function useTenantStore(library, directory, address, ages = new Ages()) {
  const { state, saveCreds } = await library.useMultiFileAuthState(directory)
  const save = async () => {
    await saveCreds()
    ages.wrote('creds.json')
  }
  return new Device(library, address, state.creds, recorded(state.keys, ages), save)
}
