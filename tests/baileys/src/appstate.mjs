// App state: the phone shares its keys in a protocol message and patches the five collections with
// them.

import { randomBytes } from 'node:crypto'
import { fromOwnDevice } from './direct.mjs'

export const COLLECTIONS = [
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular_low',
  'regular'
]

/**
 * The phone shares a number of keys; their ids look like the real ones, which have a "/" in base64.
 */
export async function shareKeys(world, phone, count) {
  const { proto } = phone.library
  const keys = Array.from({ length: count }, (_, index) => ({
    keyId: { keyId: Buffer.from([0, 0, 0, index, 0x0f, 0xff]) },
    keyData: {
      keyData: randomBytes(32),
      fingerprint: { rawId: 1, currentIndex: index, deviceIndexes: [0, 1] },
      timestamp: 1
    }
  }))
  const type = proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE
  const { message } = await fromOwnDevice(world, phone, {
    protocolMessage: { type, appStateSyncKeyShare: { keys } }
  })
  const { tenant } = world
  for (const { keyId, keyData } of message.protocolMessage.appStateSyncKeyShare.keys) {
    const id = Buffer.from(keyId.keyId).toString('base64')
    await tenant.auth.keys.set({ 'app-state-sync-key': { [id]: keyData } })
    await tenant.update({ myAppStateKeyId: id })
    world.appState.keys[id] = Buffer.from(keyData.keyData)
  }
}

/**
 * The phone changes something in a collection; true when the tenant's own key and version decode
 * it.
 */
export async function patch(world, name) {
  await change(world, name)
  return catchUp(world, name)
}

/** The phone changes something in a collection, and the server keeps the patch. */
export async function change({ appState, phone }, name) {
  const ofPhone = async id => appState.keys[id] && { keyData: appState.keys[id] }
  const change = {
    type: name,
    index: ['archive', `${randomBytes(6).toString('hex')}@s.whatsapp.net`],
    syncAction: { archiveChatAction: { archived: true } },
    apiVersion: 3,
    operation: 0
  }
  const { encodeSyncdPatch, newLTHashState, proto } = phone.library
  const known = appState.collections[name] ?? newLTHashState()
  const made = await encodeSyncdPatch(change, lastKey(appState), known, ofPhone)
  const wire = { ...made.patch, version: { version: made.state.version } }
  appState.collections[name] = made.state
  appState.patches ??= {}
  appState.patches[name] = { ...appState.patches[name], [made.state.version]: encoded(proto, wire) }
}

/**
 * The tenant asks for all patches after its version, as it does at each sync; true when it then is where the phone
 * is.
 */
export async function catchUp({ tenant, appState }, name) {
  const { decodePatches, newLTHashState, proto } = tenant.library
  const ofTenant = async id => (await tenant.auth.keys.get('app-state-sync-key', [id]))[id]
  const stored = await tenant.auth.keys.get('app-state-sync-version', [name])
  const initial = stored[name] ?? newLTHashState()
  const kept = Object.entries(appState.patches?.[name] ?? {})
  const wires = kept
    .filter(([version]) => Number(version) > initial.version)
    .map(([, text]) => proto.SyncdPatch.decode(Buffer.from(text, 'base64')))
  const decoded = await decodePatches(name, wires, initial, ofTenant, {}, initial.version)
  await tenant.auth.keys.set({ 'app-state-sync-version': { [name]: decoded.state } })
  const phone = appState.collections[name] ?? newLTHashState()
  const same = Buffer.compare(Buffer.from(decoded.state.hash), Buffer.from(phone.hash)) === 0
  return same && Object.keys(decoded.mutationMap).length === wires.length
}

const encoded = (proto, wire) => Buffer.from(proto.SyncdPatch.encode(wire).finish()).toString('base64')

const lastKey = ({ keys }) => Object.keys(keys).at(-1)
