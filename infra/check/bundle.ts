import { existsSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { build, type Metafile } from 'esbuild'

export type BundlePlan = {
  /** The checkout. */
  root: string
  /** `functions/x/handler.handler` */
  handler: string
  /** The folder that becomes the function's code. */
  out: string
  minify: boolean
  keep_names: boolean
  /** A module that is imported where it is used becomes a file of its own. */
  splitting: boolean
}

export type Bundle = {
  /** As Lambda is told: path without extension, and export. */
  handler: string
  out: string
  /** All of it, and what is read before the first event: the rest is loaded where it is used. */
  bytes: number
  bytes_at_start: number
  metafile: Metafile
}

/** CommonJS packages in an ES module ask for these; they stand at the head of every bundle. */
const banner = [
  `import { createRequire as topLevelCreateRequire } from 'module';`,
  `const require = topLevelCreateRequire(import.meta.url);`,
  `import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"`,
  `const __filename = topLevelFileUrlToPath(import.meta.url)`,
  `const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))`,
  '',
].join('\n')

/**
 * Builds a function as `sst deploy` does for nodejs: one ES module for Node, packages included.
 * Throws when the module or its export is missing, or an import cannot be resolved.
 */
export async function bundle(plan: BundlePlan): Promise<Bundle> {
  const { root, handler, out, minify, keep_names, splitting } = plan
  const wanted = extname(handler).slice(1)
  const path = handler.slice(0, -wanted.length - 1)
  const entry = ['.ts', '.tsx', '.mts', '.js', '.mjs'].map((end) => join(root, path + end)).find(existsSync)
  if (!entry) throw new Error(`Handler not found: ${handler}`)
  const target = join(out, dirname(path), `${basename(path).replaceAll('.', '-')}.mjs`)
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    ...(splitting
      ? { outdir: dirname(target), outExtension: { '.js': '.mjs' }, splitting }
      : { outfile: target }),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'esnext',
    mainFields: ['module', 'main'],
    external: ['sharp', 'pg-native'],
    banner: { js: banner },
    keepNames: keep_names,
    minify,
    metafile: true,
    sourcemap: false,
    logLevel: 'silent',
  })
  const start = relative(root, target)
  if (!metafile.outputs[start]?.exports.includes(wanted)) throw new Error(`${path} exports no ${wanted}`)
  const bytes = (files: string[]) =>
    files.reduce((sum, file) => sum + (metafile.outputs[file]?.bytes ?? 0), 0)
  return {
    handler: `${path}.${wanted}`,
    out,
    bytes: bytes(Object.keys(metafile.outputs)),
    bytes_at_start: bytes([...reached(metafile, start)]),
    metafile,
  }
}

/** The file and what it imports at once, directly or not. */
function reached({ outputs }: Metafile, file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const { path, kind } of outputs[file]?.imports ?? [])
    if (kind === 'import-statement') reached({ outputs, inputs: {} }, path, seen)
  return seen
}
