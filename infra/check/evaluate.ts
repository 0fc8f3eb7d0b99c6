import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { account, region } from './aws.ts'
import { bundle } from './bundle.ts'
import type { BuiltFunction, Graph } from './graph.ts'
import { sdkCalls } from './sdk-calls.ts'
import { startServer } from './server.ts'

/**
 * `evaluate.ts <stage> <file> [root]`: runs sst.config.ts of a checkout with SST's own components, as `sst deploy`
 * would, and writes down what it declares. Pulumi's state is global: one evaluation a process.
 */
const [stage = 'dev', file = 'graph.json', given] = process.argv.slice(2)
const home = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const root = given ?? home
const work = join(root, '.sst')
const platform = join(work, 'platform')
if (!existsSync(join(platform, 'src/auto/run.ts')))
  throw new Error('SST is not installed here: run npm run infra:check, which does that first.')

/** Physical names have a random end; here it depends on how many there were before. */
function stableNames() {
  const crypto = createRequire(import.meta.url)('node:crypto')
  let count = 0
  crypto.randomBytes = (size: number, ...rest: []) => {
    if (size !== 8) return randomBytes(size, ...rest)
    count += 1
    return Buffer.from(count.toString(16).padStart(16, '0'), 'hex')
  }
}

const bundles: Record<string, BuiltFunction> = {}
const server = await startServer({
  'Provider.Aws.Bootstrap': () => ({
    asset: 'sst-asset',
    assetEcrRegistryId: account,
    assetEcrUrl: `${account}.dkr.ecr.${region}.amazonaws.com/sst-asset`,
    state: 'sst-state',
    appsyncHttp: 'appsync.invalid',
    appsyncRealtime: 'appsync.invalid',
  }),
  'Provider.Aws.Appsync': () => ({ http: 'appsync.invalid', realtime: 'appsync.invalid' }),
  'Runtime.AddTarget': () => true,
  'Runtime.Build': async (input) => {
    const name = String(input.functionID)
    const { minify, esbuild, splitting } = Object(input.properties)
    const out = join(work, 'artifacts', `${name}-src`)
    const built = await bundle({
      ...{ root, handler: String(input.handler), out },
      minify: minify === true,
      keep_names: Object(esbuild).keepNames !== false,
      splitting: splitting === true,
    })
    const { bytes, bytes_at_start } = built
    bundles[name] = { bytes, bytes_at_start, sdk: sdkCalls(built.metafile) }
    return { handler: built.handler, out, errors: [], sourcemaps: [] }
  },
})

const paths = { home: work, root, work, platform }
const cli = { command: 'deploy', dev: false, paths, state: { version: {} } }

/** Bundles code as SST's own command does: its components and providers are there without an import. */
async function load(name: string, code: string, app: unknown): Promise<Record<string, unknown>> {
  const outfile = join(platform, `check.${name}.${process.pid}.mjs`)
  const globals = [
    ['random', '@pulumi/random'],
    ['aws', '@pulumi/aws'],
    ['sst', join(platform, 'src/components')],
  ].map(([alias, from]) => `import * as ${alias} from ${JSON.stringify(from)};`)
  const { readFile, rm } = await import('node:fs/promises')
  await build({
    stdin: { contents: code, resolveDir: root, sourcefile: 'eval.ts', loader: 'ts' },
    absWorkingDir: root,
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    nodePaths: [join(platform, 'node_modules')],
    external: ['@pulumi/*', 'undici', '@aws-sdk/*', 'esbuild', 'archiver', 'glob', 'vite'],
    inject: [join(platform, 'src/shim/run.js')],
    define: { $app: JSON.stringify(app), $cli: JSON.stringify(cli), $dev: 'false' },
    logLevel: 'silent',
    banner: {
      js: `import { createRequire as topRequire } from 'module'; const require = topRequire(import.meta.url);
import { fileURLToPath as topFile } from 'url'; const __filename = topFile(import.meta.url);
const __dirname = topFile(new URL('.', import.meta.url));`,
    },
    plugins: [
      {
        name: 'globals',
        setup({ onLoad }) {
          onLoad({ filter: /\.(js|ts|jsx|tsx)$/ }, async ({ path }) => {
            const text = await readFile(path, 'utf8')
            const contents = path.includes('.sst') ? text : `${globals.join('\n')}\n${text}`
            return { contents, loader: 'default' }
          })
        },
      },
    ],
  })
  const loaded: Record<string, unknown> = await import(pathToFileURL(outfile).href)
  await rm(outfile)
  return loaded
}

try {
  stableNames()
  process.env.SST_SERVER = server.url
  process.chdir(root)
  const config = `import mod from ${JSON.stringify(join(root, 'sst.config.ts'))};`
  const before = { name: '', stage }
  const { app } = await load(
    'app',
    `${config} export const app = await mod.app({ stage: ${JSON.stringify(stage)} })`,
    before,
  )
  mkdirSync(join(work, 'artifacts'), { recursive: true })
  const { result } = await load(
    'run',
    `${config}
     import { run } from ${JSON.stringify(join(platform, 'src/auto/run.ts'))};
     import { evaluate } from ${JSON.stringify(join(home, 'infra/check/program.ts'))};
     export const result = await evaluate(() => run(mod.run));`,
    { ...Object(app), stage },
  )
  const { resources, outputs } = Object(result)
  const graph: Graph = { stage, resources, outputs, bundles }
  writeFileSync(file, `${JSON.stringify(graph, null, 1)}\n`)
  server.stop()
  // Pulumi's mock engine keeps handles open.
  process.exit(0)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
