/** Exit codes that scripts can use; a number never changes its meaning. */
export const exit = {
  ok: 0,
  failed: 1,
  input: 2,
  unreachable: 3,
  server: 4,
  denied: 5,
  interrupted: 130,
} as const

export const exitHelp = `
Exit codes:
  0    done (followed: the session completed)
  1    the followed session failed or was stopped; doctor: something needed is missing; agent: it failed
  2    bad usage or input: unknown option, unknown session, illegal transition, refused field
  3    the API cannot be reached
  4    the API failed, or answered what this command does not understand
  5    not signed in, or not allowed
  130  interrupted (a followed session goes on)`
