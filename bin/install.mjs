// Run before `npm start` and `npm test`: installs what the lockfile says when that has not been done.
// Node's builtins alone, for nothing else may be here yet.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.orchestrator-lock')
const oldestNode = [20, 19]

const fail = (message) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const old = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
  if (!old) return
  fail(
    `Node ${oldestNode.join('.')} or newer is needed, this is ${process.versions.node}: https://nodejs.org/en/download`,
  )
}

const checkGit = () => {
  if (spawnSync('git', ['--version'], { timeout: 10_000 }).status === 0) return
  fail(
    'git is not on PATH. Install it (apt-get install git, brew install git, https://git-scm.com) and try again.',
  )
}

/** A package that npm may leave out here: for another platform, or optional. */
const mayBeAbsent = (entry) => entry.optional === true || entry.devOptional === true || entry.peer === true

/** Whether what npm noted in node_modules is what the lockfile wants (an install made by hand has no stamp). */
const isSame = (wanted, installed) => {
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link === true) continue
    const found = installed[path]
    if (found === undefined ? !mayBeAbsent(entry) : found.version !== entry.version) return false
  }
  return true
}

/** Why an install is needed; null: it is not. */
const reasonToInstall = (lock, hash) => {
  const noted = join(modules, '.package-lock.json')
  if (!existsSync(noted)) return 'nothing is installed yet'
  if (existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === hash) return null
  const installed = JSON.parse(readFileSync(noted, 'utf8')).packages ?? {}
  return isSame(JSON.parse(lock).packages ?? {}, installed) ? null : 'package-lock.json has changed'
}

/** Runs the npm that runs us, else the one on PATH. Its words are kept: they matter only when it fails. */
const runNpm = (...args) => {
  const npm = process.env.npm_execpath
  const flags = [...args, '--no-audit', '--no-fund', '--loglevel=error']
  const options = {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    shell: npm === undefined && process.platform === 'win32',
  }
  return npm === undefined
    ? spawnSync('npm', flags, options)
    : spawnSync(process.execPath, [npm, ...flags], options)
}

/**
 * `npm ci`, or, where it refuses a lockfile that leaves out another platform's optional packages (a registry
 * that does not have them makes one), `npm install --no-save`: the same versions, and the lockfile untouched.
 */
const install = () => {
  let { status, stderr } = runNpm('ci')
  if (status !== 0 && /code EUSAGE/.test(stderr ?? '')) ({ status, stderr } = runNpm('install', '--no-save'))
  if (status !== 0) fail(`${stderr ?? ''}The installation failed: is the npm registry reachable?`)
}

checkNode()
checkGit()
const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
const hash = createHash('sha256').update(lock).digest('hex')
const reason = reasonToInstall(lock, hash)
if (reason !== null) {
  process.stdout.write(`Installing the libraries (npm ci): ${reason}.\n`)
  install()
}
if (reason !== null || !existsSync(stamp)) writeFileSync(stamp, `${hash}\n`)
