/** A process that builds the dashboard into the folder that it is given, and ends. */
import { join } from 'node:path'
import { build } from 'vite'
import { root } from '../root.ts'

const [outDir] = process.argv.slice(2)
if (outDir === undefined) throw new Error('bundle.ts takes the folder to build into')
await build({
  configFile: join(root, 'web/vite.config.ts'),
  logLevel: 'error',
  build: { outDir, emptyOutDir: true },
})
