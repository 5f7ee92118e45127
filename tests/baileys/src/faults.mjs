// What goes wrong in real directories, done to a finished one.

import { mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileName } from './stores.mjs'
import { inGroup, senderKeyId } from './group.mjs'
import { DAY } from './history.mjs'

const faults = {
  /** A full disk or a kill cut creds.json. */
  corrupt: async ({ directory }) => {
    const path = join(directory, 'creds.json')
    const text = await readFile(path)
    await writeFile(path, text.subarray(0, Math.floor(text.length * 0.6)))
  },
  /**
   * The process restarted on such a file: the library silently made a new identity, which nobody
   * paired.
   */
  unpaired: async ({ directory, world, ages }) => {
    const { initAuthCreds, BufferJSON } = world.tenant.library
    await writeFile(
      join(directory, 'creds.json'),
      JSON.stringify(initAuthCreds(), BufferJSON.replacer)
    )
    ages.files.set('creds.json', 0.2 * DAY)
  },
  /** The own sender key of the first group is gone, its memory file stayed. */
  orphanMemory: async ({ directory, world, ages }) => {
    const { tenant, groups } = world
    const name = fileName('sender-key', senderKeyId(tenant, groups[0], inGroup(tenant, groups[0])))
    await unlink(join(directory, name))
    ages.removed(name)
  },
  /** Files of other origin, an empty one from a kill, and a directory. */
  junk: async ({ directory, ages }) => {
    for (const [name, text, days] of junk) {
      await writeFile(join(directory, name), text)
      ages.files.set(name, days * DAY)
    }
    await mkdir(join(directory, 'media'))
    await writeFile(join(directory, 'media', 'session-photo.json'), '{}')
  }
}

const junk = [
  ['creds.json.bak', '{}', 30],
  ['session-12015550199.0.json.tmp', '{"_sess', 25],
  ['session-12015550198.0.json', '', 3],
  ['notes.txt', 'kept by hand\n', 40]
]

/** How many of a fault's files are counted. */
export const countedFaults = names =>
  (names.includes('junk') ? junk.length : 0) - (names.includes('orphanMemory') ? 1 : 0)

export async function applyFaults(names, context) {
  for (const name of names) await faults[name](context)
}
