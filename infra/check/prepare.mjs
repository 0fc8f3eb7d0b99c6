// What an evaluation needs on disk: SST's platform in .sst (components, types, Pulumi's packages), once for each
// version of sst and of the providers that sst.config.ts names; and the dashboard, built. No account is needed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(root, '.sst/platform/.checked')
const { version } = JSON.parse(readFileSync(join(modules, 'sst/package.json'), 'utf8'))
const config = readFileSync(join(root, 'sst.config.ts'), 'utf8')
const wanted = createHash('sha256').update(`${version}\n${config}`).digest('hex')

const run = (minutes, env, ...args) => {
  const timeout = minutes * 60_000
  const options = {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout,
    env: { ...process.env, ...env },
  }
  const { status, error } = spawnSync(process.execPath, args, options)
  if (status === 0) return
  process.stderr.write(`${args.join(' ')} failed${error ? `: ${error.message}` : ''}.\n`)
  process.exit(1)
}

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  process.stdout.write(`Installing SST ${version}'s platform into .sst (about 320 MB, once).\n`)
  // Without these sst would fetch Pulumi's command and bun first, which only a deployment needs.
  const offline = { SST_SKIP_DEPENDENCY_CHECK: '1', SST_NO_BUN: '1', DO_NOT_TRACK: '1', SST_STAGE: 'check' }
  run(5, { ...offline, AWS_EC2_METADATA_DISABLED: 'true' }, join(modules, 'sst/bin/sst.mjs'), 'install')
  writeFileSync(stamp, wanted)
}

const vite = [
  join(modules, 'vite/bin/vite.js'),
  'build',
  '--config',
  'web/vite.config.ts',
  '--logLevel',
  'error',
]
run(3, {}, ...vite, '--outDir', '../dist/site', '--emptyOutDir')
const site = { SITE_API_URL: 'https://api.invalid/api/v1', SITE_SOCKET_URL: 'wss://socket.invalid' }
run(1, site, 'infra/site-config.mjs')
