// The tenant starts on a copy of its files, so that what a check does leaves them as they were.

import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function onCopy(session, use) {
  const copy = await mkdtemp(join(tmpdir(), 'session-'))
  try {
    for (const entry of await readdir(session, { withFileTypes: true })) {
      if (entry.isFile()) await copyFile(join(session, entry.name), join(copy, entry.name))
    }
    return await use(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}
