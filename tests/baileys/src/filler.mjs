// Brings a directory to an exact count: group members speak, and each leaves one sender-key file.

import { deviceQuery } from './direct.mjs'
import { census } from './census.mjs'
import { DAY } from './history.mjs'
import { sendAsMember } from './group.mjs'

/** Pairs of group and member, the groups taking turns. */
function* pairs({ groups }) {
  const longest = Math.max(...groups.map(({ members }) => members.length))
  for (let place = 0; place < longest; place++) {
    for (const [group, { members }] of groups.entries()) {
      if (place < members.length) yield [group, members[place]]
    }
  }
}

/**
 * Lets members speak until `target` files are counted, or each in every group where none is given; `expected` more
 * will be added by others later.
 */
export async function fill(scenario, world, ages, directory, expected) {
  const { senders, target, paired, shift = 0 } = scenario
  const enough = counted => target !== undefined && counted + expected >= target
  let { counted } = await census(directory)
  const candidates = pairs(world)
  for (let turn = 0; !enough(counted); turn++) {
    const { value, done } = candidates.next()
    if (done && target === undefined) return
    if (done) throw new Error(`${target} files need more groups or contacts, ${counted} are there`)
    const [group, member] = value
    const peer = world.contacts[member].peers[0]
    const [from, to] = senders[turn % senders.length]
    ages.now = (paired - 0.55 + shift) * DAY
    await deviceQuery(world.tenant, world.contacts[member], true)
    await heard(sendAsMember(world, world.groups[group], peer, 'hello from me'))
    ages.now = (from + ((to - from) * ((turn * 7) % 10)) / 10 + shift) * DAY
    await heard(sendAsMember(world, world.groups[group], peer, 'again'))
    world.spoke.push([group, member])
    counted = (await census(directory)).counted
  }
  if (counted + expected !== target)
    throw new Error(`${counted + expected} files are counted before members speak, above ${target}`)
}

async function heard(sending) {
  const { failure } = await sending
  if (failure) throw new Error(`a group message was not readable: ${failure}`)
}
