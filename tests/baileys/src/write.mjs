// write: one session directory, the peers' state beside it, and what the files add up to.

import { mkdir, readdir, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { applyFaults, countedFaults } from './faults.mjs'
import { census } from './census.mjs'
import { DAY, events } from './history.mjs'
import { fill } from './filler.mjs'
import { populate } from './population.mjs'
import { saveWorld } from './world.mjs'
import { scenarioOf } from './scenarios.mjs'
import { Ages } from './stores.mjs'

/**
 * `request`: scenario, out, peers, optionally now (Unix seconds) and parameters of the scenario to
 * replace.
 */
export async function write({ out, peers, now = Date.now() / 1000, ...request }) {
  if (!out || !peers) throw new Error('"out" and "peers" name the two directories to write')
  const directory = resolve(out)
  await mkdir(directory, { recursive: true })
  if ((await readdir(directory)).length) throw new Error('"out" is not empty')
  const scenario = scenarioOf(request)
  const ages = new Ages()
  const world = await populate(scenario, directory, ages)
  for (const { age, run } of events(scenario, world)) {
    ages.now = age * DAY
    await run()
  }
  await fill(scenario, world, ages, directory, countedFaults(scenario.faults))
  const { byKind } = await census(directory)
  await saveWorld(world, scenario, byKind, resolve(peers))
  await applyFaults(scenario.faults, { directory, world, ages })
  for (const [name, age] of ages.files) await utimes(join(directory, name), now - age, now - age)
  return {
    scenario: request.scenario ?? 'healthy',
    library: scenario.library,
    ...(await census(directory))
  }
}
