/** The four places of the top bar, with the keys that go there. */
export const places = [
  { to: '/', title: 'Overview', keys: 'g o' },
  { to: '/sessions', title: 'Sessions', keys: 'g s' },
  { to: '/agents', title: 'Agents', keys: 'g a' },
  { to: '/tasks', title: 'Tasks', keys: 'g t' },
] as const
