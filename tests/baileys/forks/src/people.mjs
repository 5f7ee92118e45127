// Who there is, and when the tenant last heard of them. All numbers are fictional ones (555-01xx).

const DAY = 86_400
const number = index => `12065550${100 + index}`

export const TENANT = { pn: '12015550100', lid: '240000000000000', device: 7 }
export const GROUPS = { own: '120363000000000001@g.us', old: '120363000000000002@g.us' }

/** Days since the last message, of the contacts one after the other. */
const QUIET = [0.5, 1, 2, 5, 9, 13, 16, 20, 30, 45, 60, 90]

/** Each device that talks to the tenant: its address, and seconds since the last message. */
export function people(fork) {
  const own = [0, 3].map(device => ({ jid: address(TENANT.pn, device), age: 80 * DAY, own: true }))
  const contacts = QUIET.map((days, index) => ({ jid: address(number(index), index % 3), age: days * DAY }))
  const byLid = fork.lids
    ? [1, 40].map((days, index) => ({ jid: `24111111111111${index}@lid`, age: days * DAY }))
    : []
  if (fork.lids) own.push({ jid: `${TENANT.lid}@lid`, age: 80 * DAY, own: true })
  return [...own, ...contacts, ...byLid]
}

const address = (user, device) => `${user}${device ? `:${device}` : ''}@s.whatsapp.net`
