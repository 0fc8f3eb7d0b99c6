// Runs a command for a worker and ends it, with all it started, when the worker dies or says so.
// Used where the system has no PID namespaces. The worker holds the other end of our stdin: its end is ours.
// A child that detached itself is still found: by its parents, or (Linux) by the mark in its environment.
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const [mark, command, ...args] = process.argv.slice(2)
const child = spawn(command, args, {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, ORCHESTRATOR_GUARD: mark },
})
child.on('error', () => process.exit(127))
child.on('exit', (code, signal) => {
  sweep()
  process.exit(signal ? 137 : (code ?? 1))
})
process.stdin.on('error', end).on('end', end).on('close', end).resume()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, end)

function end() {
  sweep()
  process.exit(137)
}

function sweep() {
  // Twice: what was forked while the first pass ran is found by the second.
  for (let pass = 0; pass < 2; pass += 1) {
    for (const pid of new Set([...descendants(), ...marked()])) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {}
    }
  }
}

function descendants() {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8', timeout: 5_000 })
  const children = new Map()
  for (const line of table.trim().split('\n')) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const found = []
  const open = [process.pid]
  while (open.length > 0) {
    for (const pid of children.get(open.pop()) ?? []) {
      found.push(pid)
      open.push(pid)
    }
  }
  return found
}

function marked() {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`ORCHESTRATOR_GUARD=${mark}`)
      } catch {
        return false
      }
    })
    .map(Number)
}
