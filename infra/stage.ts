/** What differs between stages, as data: `production` is built to last, every other stage to cost little. */
export type StageSettings = {
  production: boolean
  /** Managed gateways, one in each zone; elsewhere a single small instance that is replaced when it dies. */
  managed_nat: boolean
  /** Aurora Serverless v2 with a standby; elsewhere one small RDS instance. */
  aurora: boolean
  /** Aurora capacity units. */
  capacity: { min: number; max: number }
  /** What the database is told to accept; everything in the wiring together must stay below it. */
  max_connections: number
  redis_node: string
  redis_nodes: number
  backup_days: number
  log_days: number
  /** Agent workers on Fargate at most; there are none while nothing waits. */
  max_workers: number
  /** Tasks that one worker takes at once. */
  worker_capacity: number
}

const common = { capacity: { min: 0.5, max: 8 }, worker_capacity: 2 }

const small: StageSettings = {
  ...common,
  production: false,
  managed_nat: false,
  aurora: false,
  max_connections: 100,
  redis_node: 'cache.t4g.micro',
  redis_nodes: 1,
  backup_days: 7,
  log_days: 30,
  max_workers: 4,
}

const production: StageSettings = {
  ...common,
  production: true,
  managed_nat: true,
  aurora: true,
  max_connections: 300,
  redis_node: 'cache.t4g.small',
  redis_nodes: 2,
  backup_days: 35,
  log_days: 90,
  max_workers: 20,
}

export const settingsOf = (stage: string): StageSettings => (stage === 'production' ? production : small)
