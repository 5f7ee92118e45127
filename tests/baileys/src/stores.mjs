// Key stores: one in memory for the peers, and a recorder that notes when each of the tenant's
// files was last written.

/**
 * A SignalKeyStore in memory. It keeps text, as a database would, so that no object is shared by
 * accident.
 */
export function memoryStore({ replacer, reviver }, content = {}) {
  return {
    content,
    get: async (type, ids) => {
      const found = {}
      for (const id of ids) {
        const text = content[type]?.[id]
        if (text !== undefined) found[id] = JSON.parse(text, reviver)
      }
      return found
    },
    set: async data => {
      for (const [type, entries] of Object.entries(data)) {
        content[type] ??= {}
        for (const [id, value] of Object.entries(entries)) {
          if (value) content[type][id] = JSON.stringify(value, replacer)
          else delete content[type][id]
        }
      }
    }
  }
}

/** Age of each file in seconds, from the simulated moment of its last write. */
export class Ages {
  now = 0
  files = new Map()

  wrote(name) {
    this.files.set(name, Math.min(this.now, this.files.get(name) ?? Infinity))
  }

  removed(name) {
    this.files.delete(name)
  }
}

/** The library's own name for a key's file. */
export const fileName = (type, id) =>
  `${type}-${id}.json`.replaceAll('/', '__').replaceAll(':', '-')

export function recorded(keys, ages) {
  return {
    get: (type, ids) => keys.get(type, ids),
    set: async data => {
      await keys.set(data)
      for (const [type, entries] of Object.entries(data)) {
        for (const [id, value] of Object.entries(entries)) {
          if (value) ages.wrote(fileName(type, id))
          else ages.removed(fileName(type, id))
        }
      }
    }
  }
}
