/** What AWS would answer, as far as the program looks at it. */

export const region = 'us-east-1'
export const account = '123456789012'

type Values = Record<string, unknown>

const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`

/** What a resource of the type comes out with, besides its inputs. */
const made: Record<string, (name: string, inputs: Values) => Values> = {
  'aws:sqs/queue:Queue': (name) => ({
    arn: arn('sqs', name),
    url: `https://sqs.${region}.amazonaws.com/${account}/${name}`,
  }),
  'aws:lambda/function:Function': (name) => ({
    arn: arn('lambda', `function:${name}`),
    invokeArn: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn('lambda', `function:${name}`)}/invocations`,
  }),
  'aws:lambda/invocation:Invocation': () => ({ result: '{"ran":[]}' }),
  'aws:apigatewayv2/api:Api': (name, { protocolType }) => ({
    apiEndpoint: `${protocolType === 'WEBSOCKET' ? 'wss' : 'https'}://${name.toLowerCase()}.execute-api.${region}.amazonaws.com`,
    executionArn: arn('execute-api', name.toLowerCase()),
  }),
  'aws:s3/bucket:Bucket': (name, { bucket }) => ({
    bucket: bucket ?? name.toLowerCase(),
    arn: `arn:aws:s3:::${bucket ?? name.toLowerCase()}`,
    bucketRegionalDomainName: `${bucket ?? name.toLowerCase()}.s3.${region}.amazonaws.com`,
  }),
  'aws:dynamodb/table:Table': (name) => ({ arn: arn('dynamodb', `table/${name}`) }),
  'aws:rds/instance:Instance': (name) => ({
    address: `${name.toLowerCase()}.rds.amazonaws.com`,
    identifier: name.toLowerCase(),
  }),
  'aws:rds/cluster:Cluster': (name) => ({
    endpoint: `${name.toLowerCase()}.cluster.rds.amazonaws.com`,
    clusterIdentifier: name.toLowerCase(),
  }),
  'aws:elasticache/replicationGroup:ReplicationGroup': (name) => ({
    primaryEndpointAddress: `${name.toLowerCase()}.cache.amazonaws.com`,
  }),
  'aws:cloudfront/distribution:Distribution': () => ({ domainName: 'd111111abcdef8.cloudfront.net' }),
  'aws:ecs/cluster:Cluster': (name) => ({ arn: arn('ecs', `cluster/${name}`) }),
  'aws:ec2/launchTemplate:LaunchTemplate': () => ({ latestVersion: 1 }),
  'aws:iam/role:Role': (name) => ({ arn: `arn:aws:iam::${account}:role/${name}` }),
  'random:index/randomPassword:RandomPassword': (name) => ({ result: `password-of-${name}` }),
  'random:index/randomBytes:RandomBytes': () => ({ base64: Buffer.alloc(32, 7).toString('base64') }),
}

/** What a resource comes out as: its inputs, an ARN, a name, and what its type adds. */
export function stateOf(type: string, name: string, inputs: Values): Values {
  const physical = typeof inputs.name === 'string' ? inputs.name : name
  const service = /^aws:([a-z0-9]+)/.exec(type)?.[1] ?? 'aws'
  const usual = { arn: arn(service, `${type.split(':').at(-1)?.toLowerCase()}/${physical}`), name: physical }
  return { ...usual, ...inputs, ...made[type]?.(physical, inputs) }
}

/** What a data source answers; an unknown one is an error, so that nothing is made up unseen. */
export function answerOf(token: string, inputs: Values): Values {
  switch (token) {
    case 'aws:index/getRegion:getRegion':
      return { region, name: region, id: region }
    case 'aws:index/getPartition:getPartition':
      return { partition: 'aws', dnsSuffix: 'amazonaws.com' }
    case 'aws:index/getCallerIdentity:getCallerIdentity':
      return { accountId: account, arn: `arn:aws:iam::${account}:root`, userId: account }
    case 'aws:index/getAvailabilityZones:getAvailabilityZones':
      return { names: ['a', 'b', 'c'].map((zone) => `${region}${zone}`) }
    case 'aws:ec2/getAmi:getAmi':
      return { id: 'ami-0123456789abcdef0', architecture: 'arm64' }
    case 'aws:ecr/getAuthorizationToken:getAuthorizationToken':
      return { proxyEndpoint: 'https://ecr.invalid', userName: 'AWS', password: 'none' }
    case 'aws:iam/getPolicyDocument:getPolicyDocument':
      return {
        json: JSON.stringify({ Version: '2012-10-17', Statement: inputs.statements ?? [] }),
        ...inputs,
      }
    case 'aws:cloudfront/getCachePolicy:getCachePolicy':
    case 'aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy':
      return { id: 'managed-policy', ...inputs }
    case 'command:local:run':
      return { stdout: '', stderr: '' }
    default:
      throw new Error(`The program asks ${token}, which infra/check/aws.ts does not answer`)
  }
}
