// Groups: every member reads the tenant's next message, and the tenant reads theirs, or heals by a
// retry.

import { hasSenderKey, inGroup, sendAsMember, sendToGroup } from '../group.mjs'

export async function ownGroups(world) {
  const { contacts, own } = world
  const counts = { groups: 0, readable: 0, receivers: 0, received: 0 }
  for (const group of world.groups.filter(({ own: age }) => age !== undefined)) {
    const devices = [...group.members.flatMap(index => contacts[index].peers), ...own]
    const results = await sendToGroup(world, group, devices, 'to all')
    const received = results.filter(([, { text }]) => text === 'to all').length
    counts.groups += 1
    counts.receivers += results.length
    counts.received += received
    if (received === results.length) counts.readable += 1
  }
  return { passed: counts.readable === counts.groups, ...counts }
}

export async function memberGroups(world) {
  const counts = { kept: 0, readable: 0, removed: 0, healed: 0 }
  for (const [place, index] of world.spoke) {
    const group = world.groups[place]
    const [member] = world.contacts[index].peers
    const kept = await hasSenderKey(world.tenant, group, inGroup(member, group))
    counts[kept ? 'kept' : 'removed'] += 1
    let { text } = await sendAsMember(world, group, member, 'to group')
    if (!kept && text === undefined)
      ({ text } = await sendAsMember(world, group, member, 'to group', { withKey: true }))
    if (text === 'to group') counts[kept ? 'readable' : 'healed'] += 1
  }
  return { passed: counts.kept === counts.readable && counts.removed === counts.healed, ...counts }
}
