/** Builds the dashboard where its sources have changed, for an image; `npm start` does the same by itself. */
import { buildDashboard } from './build.ts'

const { folder, built, took_ms } = await buildDashboard()
process.stdout.write(`${JSON.stringify({ folder, built, took_ms })}\n`)
