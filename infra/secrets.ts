/// <reference path="../.sst/platform/config.d.ts" />

/** As `npx orchestrator key new` prints them; the migration keeps its hash (core/key/admin.ts). */
const keyShape = /^oio_[a-z2-7]{8}_[\w-]{69}$/

/** Of a collector's token: as long as functions/config.ts asks for. */
const shortestToken = 16

/** Stands for a secret that may be left out. */
const unset = 'unset'

/**
 * `sst secret set <Name> <value>`. Without AdminKey a deployment is refused before it begins; the others are for
 * agent workers on Fargate, of which there are none until both are set.
 */
export function readSecrets() {
  const admin = new sst.Secret('AdminKey')
  return {
    admin_key: admin.value.apply((value) => {
      if (keyShape.test(value)) return value
      throw new Error('AdminKey is no key: sst secret set AdminKey "$(npx orchestrator key new)"')
    }),
    metrics_token: new sst.Secret('MetricsToken', unset).value.apply((value) => {
      if (value === unset) return ''
      if (value.length >= shortestToken) return value
      throw new Error(
        `MetricsToken has less than ${shortestToken} characters: sst secret set MetricsToken <value>`,
      )
    }),
    worker_key: new sst.Secret('WorkerKey', unset),
    model_key: new sst.Secret('ModelKey', unset),
  }
}

export type Secrets = ReturnType<typeof readSecrets>

/** Whether both are there that a worker cannot do without. */
export const mayWork = ({ worker_key, model_key }: Secrets) =>
  $resolve([worker_key.value, model_key.value]).apply((values) => values.every((value) => value !== unset))
