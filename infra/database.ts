/// <reference path="../.sst/platform/config.d.ts" />
import type { Network } from './nat-instance.ts'
import type { StageSettings } from './stage.ts'

const version = '17'
const owner = 'orchestrator'
const name = 'orchestrator'

/** A login for each role: a function cannot become another than its own. See docs/adr/0003. */
export const logins = { app: 'orchestrator_app_login', engine: 'orchestrator_engine_login' } as const

const password = (name: string) =>
  new random.RandomPassword(name, { length: 40, special: false }, { additionalSecretOutputs: ['result'] })
    .result

/** Postgres in the private subnets, encrypted, over TLS alone, with addresses for its owner and its two roles. */
export function makeDatabase(network: Network, settings: StageSettings) {
  const passwords = {
    owner: password('DatabaseOwner'),
    app: password('DatabaseApp'),
    engine: password('DatabaseEngine'),
  }
  const subnets = new aws.rds.SubnetGroup('DatabaseSubnets', {
    subnetIds: network.privateSubnets.map(({ id }) => id),
  })
  const made = settings.aurora
    ? makeAurora(network, settings, subnets, passwords.owner)
    : makeInstance(network, settings, subnets, passwords.owner)
  const address = (user: string, secret: $util.Output<string>) =>
    $interpolate`postgres://${user}:${secret}@${made.host}:5432/${name}?sslmode=verify-full`
  return {
    ...made,
    passwords,
    urls: {
      owner: address(owner, passwords.owner),
      app: address(logins.app, passwords.app),
      engine: address(logins.engine, passwords.engine),
    },
  }
}

const parameters = (settings: StageSettings) => [
  { name: 'rds.force_ssl', value: '1' },
  { name: 'max_connections', value: String(settings.max_connections), applyMethod: 'pending-reboot' },
]

function makeInstance(
  { database }: Network,
  settings: StageSettings,
  subnets: aws.rds.SubnetGroup,
  secret: $util.Output<string>,
) {
  const group = new aws.rds.ParameterGroup('DatabaseParameters', {
    family: `postgres${version}`,
    parameters: parameters(settings),
  })
  const instance = new aws.rds.Instance('Database', {
    engine: 'postgres',
    engineVersion: version,
    instanceClass: 'db.t4g.micro',
    storageType: 'gp3',
    allocatedStorage: 20,
    maxAllocatedStorage: 100,
    storageEncrypted: true,
    dbName: name,
    username: owner,
    password: secret,
    dbSubnetGroupName: subnets.name,
    vpcSecurityGroupIds: [database.id],
    parameterGroupName: group.name,
    publiclyAccessible: false,
    multiAz: false,
    backupRetentionPeriod: settings.backup_days,
    copyTagsToSnapshot: true,
    autoMinorVersionUpgrade: true,
    deletionProtection: false,
    skipFinalSnapshot: true,
  })
  return { host: instance.address, identifier: instance.identifier, dimension: 'DBInstanceIdentifier' }
}

/** A writer and a standby in the other zone, which scale with what is asked of them. */
function makeAurora(
  { database }: Network,
  settings: StageSettings,
  subnets: aws.rds.SubnetGroup,
  secret: $util.Output<string>,
) {
  const group = new aws.rds.ClusterParameterGroup('DatabaseParameters', {
    family: `aurora-postgresql${version}`,
    parameters: parameters(settings),
  })
  const cluster = new aws.rds.Cluster('Database', {
    engine: 'aurora-postgresql',
    engineMode: 'provisioned',
    engineVersion: version,
    serverlessv2ScalingConfiguration: {
      minCapacity: settings.capacity.min,
      maxCapacity: settings.capacity.max,
    },
    storageEncrypted: true,
    databaseName: name,
    masterUsername: owner,
    masterPassword: secret,
    dbSubnetGroupName: subnets.name,
    vpcSecurityGroupIds: [database.id],
    dbClusterParameterGroupName: group.name,
    backupRetentionPeriod: settings.backup_days,
    copyTagsToSnapshot: true,
    deletionProtection: true,
    skipFinalSnapshot: false,
    finalSnapshotIdentifier: `${$app.name}-${$app.stage}-final`,
  })
  for (const place of ['Writer', 'Standby'])
    new aws.rds.ClusterInstance(`Database${place}`, {
      clusterIdentifier: cluster.id,
      engine: 'aurora-postgresql',
      engineVersion: cluster.engineVersion,
      instanceClass: 'db.serverless',
      publiclyAccessible: false,
      promotionTier: place === 'Writer' ? 0 : 1,
    })
  return { host: cluster.endpoint, identifier: cluster.clusterIdentifier, dimension: 'DBClusterIdentifier' }
}
