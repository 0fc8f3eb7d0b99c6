import { createServer } from 'node:http'
import { type Built, buildDashboard } from './dashboard/build.ts'
import { makeDashboardFiles, type PageConfig } from './dashboard/files.ts'
import { closeServer, listen } from './http.ts'
import { type Log, reasonOf } from './log.ts'
import { choosePort } from './port.ts'
import type { Service } from './services/service.ts'

export type DashboardOptions = {
  port?: number | undefined
  /** Where the page finds the orchestrator, and its key. */
  config: PageConfig
  log: Log
  /** Host names, besides the loopback's, under which it may be asked for. */
  hosts?: readonly string[]
  /** The address to listen on, when it is not the loopback. */
  listenOn?: string | undefined
  build?: () => Promise<Built>
}

/**
 * The dashboard as S3 and CloudFront would serve it, with a config.json that says where this machine's API is.
 * Requests wait while it is being built.
 */
export const startDashboard = async (options: DashboardOptions): Promise<Service> => {
  const { config, log, hosts = [], build = () => buildDashboard() } = options
  const building = build()
  building.then(
    ({ built, took_ms }) => built && log('info', 'dashboard_built', { took_ms }),
    (error: unknown) => log('error', 'dashboard_build_failed', { reason: reasonOf(error) }),
  )
  const serve = makeDashboardFiles({ building, config, hosts })
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log('warn', 'request_broken', { method: request.method, reason: reasonOf(error) })
      response.destroy()
    })
  })
  const port = await listen(server, await choosePort('dashboard', options.port), options.listenOn)
  return {
    name: 'dashboard',
    url: `http://localhost:${port}`,
    note: 'the page to open in a browser',
    stop: () => closeServer(server, 1_000),
  }
}
