/// <reference path="../.sst/platform/config.d.ts" />
import { metrics } from './metrics.ts'
import type { Network } from './nat-instance.ts'
import { mayWork, type Secrets } from './secrets.ts'
import type { StageSettings } from './stage.ts'

type Parts = {
  network: Network
  settings: StageSettings
  api_url: $util.Output<string>
  secrets: Secrets
}

const dimension = { serviceNamespace: 'ecs', scalableDimension: 'ecs:service:DesiredCount' }

/**
 * Agent workers on spot Fargate, as many as the tasks that wait or are held ask for, and none while there are none.
 * A worker that has work protects its task from scaling in; one that is told to end checkpoints and releases.
 */
export function makeWorkers({ network, settings, api_url, secrets }: Parts) {
  const subnets = network.publicSubnets.map(({ id }) => id)
  const cluster = new sst.aws.Cluster('Workers', {
    vpc: {
      id: network.vpc.id,
      securityGroups: [network.workers.id],
      containerSubnets: subnets,
      loadBalancerSubnets: subnets,
    },
  })
  const parameters = makeParameters(secrets)
  const service = new sst.aws.Service('Worker', {
    cluster,
    architecture: 'x86_64',
    cpu: '1 vCPU',
    memory: '4 GB',
    storage: '20 GB',
    capacity: 'spot',
    image: { context: '.', dockerfile: 'functions/worker/Dockerfile' },
    logging: { retention: settings.production ? '3 months' : '1 month' },
    environment: {
      ORCHESTRATOR_API_URL: api_url,
      AGENT_LABELS: 'elastic',
      AGENT_CAPACITY: String(settings.worker_capacity),
      AGENT_HOME: '/home/node/agents',
      REPOSITORY_REACH: 'public',
      REPOSITORY_ROOTS: '',
    },
    ssm: {
      ORCHESTRATOR_API_KEY: parameters.worker_key.arn,
      [process.env.MODEL_KEY_NAME || 'ANTHROPIC_API_KEY']: parameters.model_key.arn,
    },
    taskRole: taskRole(cluster).name,
    executionRole: executionRole(Object.values(parameters)).name,
    scaling: { min: 0, max: settings.max_workers, cpuUtilization: false, memoryUtilization: false },
    transform: {
      service: (args, opts) => {
        args.enableExecuteCommand = false
        // How many there are is the scaling's to say; a deployment must not end those at work.
        opts.ignoreChanges = ['desiredCount']
        // Without NAT of their own: they call out from an address of their own, which costs only while they run.
        args.networkConfiguration = {
          assignPublicIp: true,
          subnets,
          securityGroups: [network.workers.id],
        }
      },
      autoScalingTarget: (args) => {
        args.maxCapacity = mayWork(secrets).apply((may) => (may ? settings.max_workers : 0))
      },
      // No port of it is open, and there is nobody at its terminal.
      taskDefinition: (args) => {
        args.containerDefinitions = $output(args.containerDefinitions).apply(withoutPorts)
      },
    },
  })
  scaleByTasks(service, settings)
  return { cluster, service }
}

/** How long a worker that is told to end may checkpoint, in s; spot's own notice is as long. */
const stopSeconds = 120

function withoutPorts(json: string) {
  const containers: Record<string, unknown>[] = JSON.parse(json)
  return JSON.stringify(
    containers.map(({ portMappings: _, pseudoTerminal: __, ...kept }) => ({
      ...kept,
      stopTimeout: stopSeconds,
    })),
  )
}

function makeParameters(secrets: Secrets) {
  const parameter = (name: string, value: $util.Output<string>) =>
    new aws.ssm.Parameter(name, {
      name: `/${$app.name}/${$app.stage}/${name}`,
      type: 'SecureString',
      value,
    })
  return {
    worker_key: parameter('WorkerKeyParameter', secrets.worker_key.value),
    model_key: parameter('ModelKeyParameter', secrets.model_key.value),
  }
}

const tasksAssume = () => aws.iam.assumeRolePolicyForPrincipal({ Service: 'ecs-tasks.amazonaws.com' })

/** What the worker may do itself, and so whatever runs in its container: protect its own task. */
function taskRole(cluster: sst.aws.Cluster) {
  const tasks = cluster.nodes.cluster.arn.apply((arn) => `${arn.replace(':cluster/', ':task/')}/*`)
  return new aws.iam.Role('WorkerTaskRole', {
    assumeRolePolicy: tasksAssume(),
    inlinePolicies: [
      {
        name: 'protection',
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            { actions: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'], resources: [tasks] },
          ],
        }).json,
      },
    ],
  })
}

/** What ECS does for it before it runs: fetch the image, open the log, read its two secrets. */
function executionRole(parameters: aws.ssm.Parameter[]) {
  return new aws.iam.Role('WorkerExecutionRole', {
    assumeRolePolicy: tasksAssume(),
    managedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy'],
    inlinePolicies: [
      {
        name: 'secrets',
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [{ actions: ['ssm:GetParameters'], resources: parameters.map(({ arn }) => arn) }],
        }).json,
      },
    ],
  })
}

type Adjustment = {
  metricIntervalLowerBound?: string
  metricIntervalUpperBound?: string
  scalingAdjustment: number
}

/** One worker for every `worker_capacity` tasks in need: steps over the alarm's threshold of one task. */
function scaleByTasks(service: sst.aws.Service, settings: StageSettings) {
  const { worker_capacity, max_workers } = settings
  const target = service.nodes.autoScalingTarget
  const policy = (name: string, stepAdjustments: Adjustment[]) =>
    new aws.appautoscaling.Policy(name, {
      ...dimension,
      resourceId: target.resourceId,
      policyType: 'StepScaling',
      stepScalingPolicyConfiguration: {
        adjustmentType: 'ExactCapacity',
        metricAggregationType: 'Maximum',
        cooldown: 30,
        stepAdjustments,
      },
    })
  const wanted = policy('WorkersWanted', stepsOf(worker_capacity, max_workers))
  const idle = policy('WorkersIdle', [{ metricIntervalUpperBound: '0', scalingAdjustment: 0 }])
  const needed = (
    name: string,
    comparisonOperator: string,
    minutes: number,
    action: aws.appautoscaling.Policy,
  ) =>
    new aws.cloudwatch.MetricAlarm(name, {
      namespace: metrics.namespace,
      metricName: metrics.tasks_in_need,
      dimensions: { stage: $app.stage },
      statistic: 'Maximum',
      period: 60,
      evaluationPeriods: minutes,
      threshold: 1,
      comparisonOperator,
      treatMissingData: 'ignore',
      alarmActions: [action.arn],
    })
  needed('TasksInNeed', 'GreaterThanOrEqualToThreshold', 1, wanted)
  needed('NoTaskInNeed', 'LessThanThreshold', 5, idle)
}

/** From one task on: 1 worker up to its capacity, then one more for each capacity, at most `max`. */
export function stepsOf(capacity: number, max: number): Adjustment[] {
  return Array.from({ length: max }, (_, i) => ({
    metricIntervalLowerBound: String(i * capacity),
    ...(i + 1 < max ? { metricIntervalUpperBound: String((i + 1) * capacity) } : {}),
    scalingAdjustment: i + 1,
  }))
}
