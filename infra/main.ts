/// <reference path="../.sst/platform/config.d.ts" />
import { makeAlarms } from './alarms.ts'
import { makeApis, routeApis } from './apis.ts'
import { makeArtifacts } from './artifacts.ts'
import { makeDashboard } from './dashboard.ts'
import { makeDatabase } from './database.ts'
import { makeFunctions } from './functions.ts'
import { runMigration } from './migration.ts'
import { makeNetwork } from './network.ts'
import { consume, makeQueues } from './queues.ts'
import { makeRedis } from './redis.ts'
import { makeSchedules } from './schedule.ts'
import { readSecrets } from './secrets.ts'
import { makeSite } from './site.ts'
import { settingsOf } from './stage.ts'
import { makeTables } from './tables.ts'
import { makeWorkers } from './worker.ts'

/** The whole deployment of a stage, from the wiring; answers what a person needs to know of it. */
export function deploy() {
  const settings = settingsOf($app.stage)
  const secrets = readSecrets()
  const network = makeNetwork(settings)
  const database = makeDatabase(network, settings)
  const redis = makeRedis(network, settings)
  const queues = makeQueues()
  const tables = makeTables()
  const artifacts = makeArtifacts()
  const apis = makeApis(settings)
  const { http, socket } = apis
  const api_url = $interpolate`${http.url}/api/v1`
  const site = makeSite(api_url, socket.url)

  const stores = { queues, tables, artifacts, socket }
  const { admin_key, metrics_token } = secrets
  const migration = runMigration({ network, settings, stores, database, admin_key })
  const functions = makeFunctions({
    ...stores,
    ...{ network, settings, database, redis, http, admin_key, metrics_token },
    origin: site.url,
    migrated: migration.result,
  })
  routeApis(apis, functions)
  consume('steps', queues.steps, functions.step)
  consume('broadcast', queues.broadcast, functions.broadcast)
  makeSchedules(functions)

  makeWorkers({ network, settings, api_url, secrets })
  const alarms = makeAlarms({ settings, queues, database, http, functions })
  makeDashboard({ queues, database, http, functions })
  return { dashboard: site.url, api: api_url, socket: socket.url, alarms: alarms.arn }
}
