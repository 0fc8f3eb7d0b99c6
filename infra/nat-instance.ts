/// <reference path="../.sst/platform/config.d.ts" />

export type Network = {
  vpc: aws.ec2.Vpc
  publicSubnets: aws.ec2.Subnet[]
  privateSubnets: aws.ec2.Subnet[]
  /** The private subnets' route tables, in their order. */
  inward: aws.ec2.RouteTable[]
  functions: aws.ec2.SecurityGroup
  workers: aws.ec2.SecurityGroup
  database: aws.ec2.SecurityGroup
  redis: aws.ec2.SecurityGroup
}

/** Who publishes the fck-nat images. */
const imageOwner = '568608671756'

/**
 * NAT for a tenth of a gateway's price: fck-nat on the smallest spot instance, in a group of one. The private
 * subnets' route names a network interface of its own, which every new instance takes over; while there is none
 * (some minutes, seldom) messages and frames wait, and the sweep sends them later.
 */
export function makeNatInstance(network: Network, tags: (part: string) => { Name: string }) {
  const { vpc, publicSubnets, inward, functions } = network
  const home = publicSubnets[0]
  if (!home) throw new Error('There is no public subnet for NAT.')
  const group = new aws.ec2.SecurityGroup('NatGroup', {
    vpcId: vpc.id,
    description: 'NAT, for functions',
    ingress: [{ protocol: '-1', fromPort: 0, toPort: 0, securityGroups: [functions.id] }],
    egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'] }],
    tags: tags('nat'),
  })
  const inside = new aws.ec2.NetworkInterface('NatInterface', {
    subnetId: home.id,
    securityGroups: [group.id],
    sourceDestCheck: false,
    tags: tags('nat'),
  })
  inward.forEach((table, zone) => {
    new aws.ec2.Route(`PrivateDefault${zone + 1}`, {
      routeTableId: table.id,
      destinationCidrBlock: '0.0.0.0/0',
      networkInterfaceId: inside.id,
    })
  })
  const image = aws.ec2.getAmiOutput({
    owners: [imageOwner],
    mostRecent: true,
    filters: [
      { name: 'name', values: ['fck-nat-al2023-*'] },
      { name: 'architecture', values: ['arm64'] },
    ],
  })
  const template = new aws.ec2.LaunchTemplate('NatTemplate', {
    imageId: image.id,
    instanceType: 't4g.nano',
    instanceMarketOptions: { marketType: 'spot' },
    // Beyond its share of the processor it gets slower, not dearer.
    creditSpecification: { cpuCredits: 'standard' },
    iamInstanceProfile: { arn: makeProfile(inside).arn },
    networkInterfaces: [{ associatePublicIpAddress: 'true', securityGroups: [group.id] }],
    metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required' },
    userData: inside.id.apply((id) =>
      Buffer.from(`#!/bin/sh\necho "eni_id=${id}" >> /etc/fck-nat.conf\nservice fck-nat restart\n`).toString(
        'base64',
      ),
    ),
    tagSpecifications: [{ resourceType: 'instance', tags: tags('nat') }],
  })
  new aws.autoscaling.Group('NatGroupOfOne', {
    minSize: 1,
    maxSize: 1,
    desiredCapacity: 1,
    vpcZoneIdentifiers: [home.id],
    healthCheckType: 'EC2',
    launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
    instanceRefresh: { strategy: 'Rolling', preferences: { minHealthyPercentage: 0 } },
  })
}

/** May take over the one interface, on instances of this account, and nothing else. */
function makeProfile(inside: aws.ec2.NetworkInterface) {
  const region = aws.getRegionOutput().region
  const account = aws.getCallerIdentityOutput().accountId
  const role = new aws.iam.Role('NatRole', {
    assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: 'ec2.amazonaws.com' }),
    inlinePolicies: [
      {
        name: 'interface',
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            {
              effect: 'Allow',
              actions: ['ec2:AttachNetworkInterface', 'ec2:ModifyNetworkInterfaceAttribute'],
              resources: [inside.arn, $interpolate`arn:aws:ec2:${region}:${account}:instance/*`],
            },
          ],
        }).json,
      },
    ],
  })
  return new aws.iam.InstanceProfile('NatProfile', { role: role.name })
}
