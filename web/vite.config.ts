import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: here('.'),
  plugins: [react()],
  build: {
    outDir: here('../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // Fonts in the style sheet would be loaded before anything shows, by everyone, at every release.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Says which file needs which: test/web/weight.test.ts weighs the pages by it.
    manifest: true,
    chunkSizeWarningLimit: 450,
    rolldownOptions: {
      output: {
        // What every page needs is one file each of libraries and of our own: dozens of crumbs pack worse and load later.
        codeSplitting: {
          groups: [
            {
              name: 'libraries',
              test: /node_modules\/(react|react-dom|scheduler|tinykeys|@tanstack\/(?!.*virtual)[^/]+)\//,
            },
            {
              name: 'parts',
              test: /web\/(parts|shell|api|live)\/(?!palette)|core\/(session|task|agent)\/states|core\/priorities/,
            },
          ],
        },
      },
    },
  },
})
