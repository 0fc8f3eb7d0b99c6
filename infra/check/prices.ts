/**
 * List prices of us-east-1 in US dollars, as published in June 2026 (Valkey's node: Redis OSS's less 20 %, as AWS
 * announced it). Spot is counted at what it costs on demand where no price can be quoted: it changes by the hour.
 */
export const pricesAt = '2026-06'

export const hoursAMonth = 730

export const perHour: Record<string, number> = {
  'db.t4g.micro': 0.016,
  aurora_capacity_unit: 0.12,
  'cache.t4g.micro': 0.0128,
  'cache.t4g.small': 0.0256,
  't4g.nano': 0.0042,
  public_ipv4: 0.005,
  nat_gateway: 0.045,
  fargate_spot_vcpu: 0.01291,
  fargate_spot_gb: 0.00142,
}

export const perMonth = {
  rds_gp3_gb: 0.115,
  aurora_gb: 0.1,
  ebs_gp3_gb: 0.08,
  s3_gb: 0.023,
  ecr_gb: 0.1,
  alarm: 0.1,
  metric: 0.3,
  dashboard: 3,
}

export const perMillion = {
  http_requests: 1,
  socket_messages: 1,
  socket_minutes: 0.25,
  lambda_requests: 0.2,
  /** Of a GB-second on arm64. */
  lambda_gb_seconds: 13.3334,
  sqs_requests: 0.4,
  dynamodb_writes: 0.625,
  dynamodb_reads: 0.125,
  s3_puts: 5,
  s3_gets: 0.4,
  schedules: 1,
}

/** A GB of logs taken in. */
export const logGb = 0.5

/** What every account has of these without paying, for good. */
export const allowances = {
  alarms: 10,
  metrics: 10,
  dashboards: 3,
  sqs_requests: 1_000_000,
  lambda_requests: 1_000_000,
  lambda_gb_seconds: 400_000,
  log_gb: 5,
  schedules: 14_000_000,
}
