import { OrchestratorError } from '#core/error'

type Waiter<In, Out> = { input: In; resolve: (output: Out) => void; reject: (error: unknown) => void }

/**
 * Calls share the next flight: while others are under way, they wait and then go together.
 * A batch of `max` inputs makes one call of `run`, which answers in the order of its inputs.
 * Two inputs of one `key` never fly together. With `lanes`, several flights are under way at a time: while the
 * database works on one, this process makes the next one ready.
 */
export function gather<In, Out>(options: {
  run: (inputs: In[]) => Promise<Out[]>
  key: (input: In) => string
  max: number
  lanes?: number
}) {
  const { lanes = 1 } = options
  let waiting: Waiter<In, Out>[] = []
  const flying = new Set<string>()
  let flights = 0

  async function fly() {
    flights += 1
    // Calls made in the same turn of the event loop belong to the same flight.
    await Promise.resolve()
    for (let batch = take(); batch.length > 0; batch = take()) {
      try {
        const outputs = await options.run(batch.map(({ input }) => input))
        for (const [i, waiter] of batch.entries()) {
          const output = outputs[i]
          if (output === undefined) waiter.reject(new Error('A flight answered fewer outputs than inputs.'))
          else waiter.resolve(output)
        }
      } catch (error) {
        // One input may have spoilt the flight for all: each is tried alone, and only the bad one fails. What
        // passes by itself, an outage, spoils them all: nobody waits for as many time-outs as there are inputs.
        const passes = error instanceof OrchestratorError && error.retryable
        if (passes || batch.length === 1) for (const { reject } of batch) reject(error)
        else for (const waiter of batch) await alone(waiter)
      } finally {
        for (const { input } of batch) flying.delete(options.key(input))
      }
    }
    flights -= 1
  }

  async function alone(waiter: Waiter<In, Out>) {
    try {
      const [output] = await options.run([waiter.input])
      if (output === undefined) throw new Error('A flight answered no output.')
      waiter.resolve(output)
    } catch (error) {
      waiter.reject(error)
    }
  }

  function take() {
    const batch: Waiter<In, Out>[] = []
    const rest: Waiter<In, Out>[] = []
    for (const waiter of waiting) {
      const key = options.key(waiter.input)
      if (batch.length >= options.max || flying.has(key)) rest.push(waiter)
      else {
        flying.add(key)
        batch.push(waiter)
      }
    }
    waiting = rest
    return batch
  }

  return (input: In) =>
    new Promise<Out>((resolve, reject) => {
      waiting.push({ input, resolve, reject })
      if (flights < lanes) void fly()
    })
}

/** The same for each tenant apart: under row-level security a statement sees one. */
export function gatherByTenant<In, Out>(options: {
  run: (tenant_id: string, inputs: In[]) => Promise<Out[]>
  key: (input: In) => string
  max: number
  lanes?: number
}) {
  const lanes = new Map<string, (input: In) => Promise<Out>>()
  return (tenant_id: string, input: In) => {
    const run = (inputs: In[]) => options.run(tenant_id, inputs)
    const lane = lanes.get(tenant_id) ?? gather({ ...options, run })
    lanes.set(tenant_id, lane)
    return lane(input)
  }
}
