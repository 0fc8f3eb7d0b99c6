/// <reference path="../.sst/platform/config.d.ts" />
import { makeNatInstance, type Network } from './nat-instance.ts'
import type { StageSettings } from './stage.ts'

const zones = [0, 1] as const

/**
 * Two zones with a public and a private subnet each. What reads Postgres lives in the private ones; it reaches
 * SQS and API Gateway through NAT, and S3 and DynamoDB through their gateway endpoints, which cost nothing.
 */
export function makeNetwork(settings: StageSettings) {
  const tags = (part: string) => ({ Name: `${$app.name}-${$app.stage}-${part}` })
  const vpc = new aws.ec2.Vpc('Vpc', {
    cidrBlock: '10.0.0.0/16',
    enableDnsHostnames: true,
    enableDnsSupport: true,
    tags: tags('vpc'),
  })
  // A resource that names no group of its own gets this one: it lets nothing through.
  new aws.ec2.DefaultSecurityGroup('VpcDefault', { vpcId: vpc.id, ingress: [], egress: [] })
  const names = aws.getAvailabilityZonesOutput({ state: 'available' }).names
  const subnet = (kind: 'Public' | 'Private', zone: number, block: number) =>
    new aws.ec2.Subnet(`${kind}${zone + 1}`, {
      vpcId: vpc.id,
      cidrBlock: `10.0.${block}.0/24`,
      availabilityZone: names.apply((known) => known[zone] ?? ''),
      tags: tags(`${kind.toLowerCase()}-${zone + 1}`),
    })
  const publicSubnets = zones.map((zone) => subnet('Public', zone, zone))
  const privateSubnets = zones.map((zone) => subnet('Private', zone, 16 + zone))

  const internet = new aws.ec2.InternetGateway('Internet', { vpcId: vpc.id, tags: tags('internet') })
  const outward = new aws.ec2.RouteTable('PublicRoutes', { vpcId: vpc.id, tags: tags('public') })
  new aws.ec2.Route('PublicDefault', {
    routeTableId: outward.id,
    destinationCidrBlock: '0.0.0.0/0',
    gatewayId: internet.id,
  })
  publicSubnets.forEach((of, zone) => {
    new aws.ec2.RouteTableAssociation(`PublicRoutes${zone + 1}`, {
      subnetId: of.id,
      routeTableId: outward.id,
    })
  })
  const inward = privateSubnets.map((of, zone) => {
    const table = new aws.ec2.RouteTable(`PrivateRoutes${zone + 1}`, {
      vpcId: vpc.id,
      tags: tags(`private-${zone + 1}`),
    })
    new aws.ec2.RouteTableAssociation(`PrivateRoutes${zone + 1}`, {
      subnetId: of.id,
      routeTableId: table.id,
    })
    return table
  })
  const region = aws.getRegionOutput().region
  for (const service of ['s3', 'dynamodb'] as const)
    new aws.ec2.VpcEndpoint(`Endpoint${service}`, {
      vpcId: vpc.id,
      serviceName: $interpolate`com.amazonaws.${region}.${service}`,
      vpcEndpointType: 'Gateway',
      routeTableIds: inward.map((table) => table.id),
    })

  const network: Network = { vpc, publicSubnets, privateSubnets, inward, ...makeGroups(vpc, tags) }
  if (settings.managed_nat) makeGateways(network, tags)
  else makeNatInstance(network, tags)
  return network
}

const everywhere = [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'] }]

/** Who may talk to whom: only functions reach the stores, and nobody reaches functions or workers. */
function makeGroups(vpc: aws.ec2.Vpc, tags: (part: string) => { Name: string }) {
  const group = (name: string, description: string, rules: object) =>
    new aws.ec2.SecurityGroup(name, {
      vpcId: vpc.id,
      description,
      tags: tags(name.toLowerCase()),
      ...rules,
    })
  const functions = group('FunctionsGroup', 'Functions call out, nobody calls them', { egress: everywhere })
  const workers = group('WorkersGroup', 'Agent workers call out, nobody calls them', { egress: everywhere })
  const from = (port: number) => ({
    ingress: [{ protocol: 'tcp', fromPort: port, toPort: port, securityGroups: [functions.id] }],
  })
  return {
    functions,
    workers,
    database: group('DatabaseGroup', 'Postgres, for functions', from(5432)),
    redis: group('RedisGroup', 'Redis, for functions', from(6379)),
  }
}

/** One gateway in each zone, so that a zone that fails takes nothing else along. */
function makeGateways({ publicSubnets, inward }: Network, tags: (part: string) => { Name: string }) {
  publicSubnets.forEach((subnet, zone) => {
    const address = new aws.ec2.Eip(`NatAddress${zone + 1}`, { domain: 'vpc', tags: tags(`nat-${zone + 1}`) })
    const gateway = new aws.ec2.NatGateway(`Nat${zone + 1}`, {
      subnetId: subnet.id,
      allocationId: address.id,
      tags: tags(`nat-${zone + 1}`),
    })
    const table = inward[zone]
    if (!table) return
    new aws.ec2.Route(`PrivateDefault${zone + 1}`, {
      routeTableId: table.id,
      destinationCidrBlock: '0.0.0.0/0',
      natGatewayId: gateway.id,
    })
  })
}
