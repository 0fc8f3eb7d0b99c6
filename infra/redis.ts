/// <reference path="../.sst/platform/config.d.ts" />
import type { Network } from './nat-instance.ts'
import type { StageSettings } from './stage.ts'

/**
 * Valkey, one shard: leases, presence, rates and cursors, all of which may be lost. Nodes and not the serverless
 * kind, which spreads keys over slots, where a read of many agents' presence at once is refused.
 */
export function makeRedis(network: Network, settings: StageSettings) {
  const token = new random.RandomPassword(
    'RedisToken',
    { length: 40, special: false },
    { additionalSecretOutputs: ['result'] },
  ).result
  const subnets = new aws.elasticache.SubnetGroup('RedisSubnets', {
    subnetIds: network.privateSubnets.map(({ id }) => id),
  })
  const several = settings.redis_nodes > 1
  const group = new aws.elasticache.ReplicationGroup('Redis', {
    description: 'Leases, presence, rates and live cursors',
    engine: 'valkey',
    engineVersion: '8.0',
    nodeType: settings.redis_node,
    numCacheClusters: settings.redis_nodes,
    automaticFailoverEnabled: several,
    multiAzEnabled: several,
    port: 6379,
    parameterGroupName: 'default.valkey8',
    subnetGroupName: subnets.name,
    securityGroupIds: [network.redis.id],
    atRestEncryptionEnabled: true,
    transitEncryptionEnabled: true,
    transitEncryptionMode: 'required',
    authToken: token,
    // Nothing in it is worth a backup.
    snapshotRetentionLimit: 0,
    applyImmediately: true,
  })
  return { url: $interpolate`rediss://:${token}@${group.primaryEndpointAddress}:6379` }
}
