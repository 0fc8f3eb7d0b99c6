import { spawn } from 'node:child_process'

/** Waits for the end of its input, which is the end of whoever holds the other end; then stops the server of a folder. */
const script = `
read -r _
read -r pid < "$0/postmaster.pid" && kill -INT "$pid"`

/**
 * Stops the server of a cluster folder when this process ends without having done so, also by SIGKILL: a shell waits
 * on a pipe that the kernel closes then. To be let go of once the server is stopped.
 */
export const guardPostmaster = (cluster: string): (() => void) => {
  const guard = spawn('/bin/sh', ['-c', script, cluster], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Its own process group: what ends ours as a whole is what it is there for.
    detached: true,
  })
  // Without a shell a server that is left behind is adopted by the next run.
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  guard.unref()
  return () => guard.kill('SIGKILL')
}
