// Named scenarios. Days are ages; `target` is the count that is compared with the limits.
//
//   contacts  parts of {count, days: [youngest, oldest]} by their last message
//   groups    own: ages of the last own message, one group each; quiet: only read; status: own status
//   senders   ages of members' last group messages, taken in turn until the target is met; without a target each
//             member of each group speaks once
//   own, members, oneDevice   the tenant's other devices, members of a group at most, contacts with one device
//   paired, login   when the phone accepted the device, and the last login
//   strangers, retries   pre-keys given out and never used; single ones from retry receipts
//   handOut   which pre-key the server gives out next: oldest, middle (of the first ones) or newest
//   shift     days added to everything: the tenant has been stopped since
//   awake     and has just logged in again and received one message

const active = [0.05, 1.8]
const speakers = [[0.05, 0.9], [0.05, 0.9], [1.2, 2.8], [4, 12]]

export const scenarios = {
  healthy: {
    library: 'rc14', paired: 40, login: 0.4, target: 128, strangers: 4, retries: 2,
    contacts: [{ count: 6, days: active }, { count: 2, days: [16, 30] }],
    groups: { own: [0.3], quiet: 1 }, senders: speakers
  },
  warning: {
    library: 'rc14', paired: 60, login: 0.6, target: 158, strangers: 6, retries: 3,
    contacts: [{ count: 8, days: active }, { count: 2, days: [8, 13] }, { count: 4, days: [15, 45] }],
    groups: { own: [0.3, 9], quiet: 1, status: 30 }, senders: speakers
  },
  critical: {
    library: 'rc14', paired: 90, login: 0.6, target: 173, strangers: 8, retries: 4, faults: ['junk'],
    contacts: [{ count: 9, days: active }, { count: 2, days: [8, 13] }, { count: 5, days: [15, 60] }],
    groups: { own: [0.3, 2, 9], quiet: 1, status: 30 }, senders: speakers
  },
  /** Normal retention leaves this one above critical; emergency retention does not. */
  emergency: {
    library: 'rc14', paired: 90, login: 0.6, target: 208, strangers: 12, retries: 6, faults: ['junk'],
    contacts: [{ count: 10, days: active }, { count: 8, days: [8, 13] }, { count: 4, days: [15, 70] }],
    groups: { own: [0.3, 2, 9], quiet: 3, status: 30 }, senders: [[0.05, 0.9], [1.2, 2.8], [1.2, 2.8], [1.2, 2.8], [4, 30]]
  },
  stopped: {
    library: 'rc9', paired: 30, login: 0.6, target: 182, strangers: 4, retries: 2, shift: 20,
    contacts: [{ count: 14, days: active }, { count: 4, days: [8, 25] }],
    groups: { own: [0.3, 2], quiet: 2 }, senders: speakers
  },
  awake: {
    library: 'rc9', paired: 30, login: 0.6, target: 182, strangers: 4, retries: 2, shift: 20, awake: 0.02,
    contacts: [{ count: 14, days: active }, { count: 4, days: [8, 25] }],
    groups: { own: [0.3, 2], quiet: 2 }, senders: speakers
  },
  corrupt: {
    library: 'rc9', paired: 60, login: 0.6, target: 182, faults: ['corrupt'],
    contacts: [{ count: 8, days: active }, { count: 6, days: [15, 50] }],
    groups: { own: [0.3, 9], quiet: 2 }, senders: speakers
  },
  unpaired: {
    library: 'rc5', paired: 60, login: 0.6, target: 182, strangers: 30, faults: ['unpaired'],
    contacts: [{ count: 8, days: active }, { count: 8, days: [15, 50] }],
    groups: { own: [0.3, 9], quiet: 2 }, senders: speakers
  },
  /** Just paired: almost all of the 812 pre-keys wait on the server. */
  prekeys: {
    library: 'rc14', paired: 20, login: 0.6, target: 140, strangers: 40, retries: 12,
    contacts: [{ count: 8, days: [0.05, 2.5] }, { count: 1, days: [15, 16] }],
    groups: { own: [0.3], quiet: 1 }, senders: speakers
  },
  /**
   * The library with batches of 30, and pre-keys of three batches lying about: fewer than 100 ids
   * apart.
   */
  old: {
    library: 'rc5', paired: 120, login: 0.6, target: 196, strangers: 45, retries: 6,
    contacts: [{ count: 10, days: active }, { count: 4, days: [8, 13] }, { count: 8, days: [15, 80] }],
    groups: { own: [0.3, 2, 9], quiet: 2, status: 30 }, senders: speakers
  },
  /** The last version before 7: everybody, and every group, goes by phone number. */
  six: {
    library: '6.7', paired: 120, login: 0.6, target: 186, strangers: 45, retries: 6,
    contacts: [{ count: 12, days: active }, { count: 6, days: [8, 13] }, { count: 10, days: [15, 80] }],
    groups: { own: [0.3, 2, 9], quiet: 3, status: 30 }, senders: speakers
  },
  /** What restores are judged by: round numbers of devices, groups and members. */
  restored: {
    library: 'rc14', paired: 40, login: 0.4, strangers: 4, retries: 2, own: [0], members: 5, oneDevice: true,
    contacts: [{ count: 25, days: active }], groups: { own: [0.3, 2], quiet: 0 }, senders: speakers
  },
  /** A lone memory file: the tenant's next message there is unreadable until the file is gone. */
  orphan: {
    library: 'rc5', paired: 50, login: 0.6, target: 176, strangers: 30, retries: 3, faults: ['orphanMemory'],
    contacts: [{ count: 9, days: active }, { count: 6, days: [15, 40] }],
    groups: { own: [0.3, 2], quiet: 2 }, senders: speakers
  }
}

/** The named scenario with single parameters replaced. */
export function scenarioOf({ scenario: name = 'healthy', ...changes }) {
  const base = scenarios[name]
  if (!base) throw new Error(`no scenario "${name}"; there are ${Object.keys(scenarios).join(', ')}`)
  return { faults: [], ...base, ...changes }
}
