import { OrchestratorError } from '#core/error'

type Waiter<In, Out> = { input: In; resolve: (output: Out) => void; reject: (error: unknown) => void }

/**
 * Calls share the next flight: while one is under way, the others wait and then go together.
 * A batch of `max` inputs makes one call of `run`, which answers in the order of its inputs.
 * Two inputs of one `key` never fly together.
 */
export function gather<In, Out>(options: {
  run: (inputs: In[]) => Promise<Out[]>
  key: (input: In) => string
  max: number
}) {
  let waiting: Waiter<In, Out>[] = []
  let flying = false

  async function fly() {
    flying = true
    // Calls made in the same turn of the event loop belong to the same flight.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = take()
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
      }
    }
    flying = false
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
    const keys = new Set<string>()
    const batch: Waiter<In, Out>[] = []
    const rest: Waiter<In, Out>[] = []
    for (const waiter of waiting) {
      const key = options.key(waiter.input)
      if (batch.length >= options.max || keys.has(key)) rest.push(waiter)
      else {
        keys.add(key)
        batch.push(waiter)
      }
    }
    waiting = rest
    return batch
  }

  return (input: In) =>
    new Promise<Out>((resolve, reject) => {
      waiting.push({ input, resolve, reject })
      if (!flying) void fly()
    })
}

/** The same for each tenant apart: under row-level security a statement sees one. */
export function gatherByTenant<In, Out>(options: {
  run: (tenant_id: string, inputs: In[]) => Promise<Out[]>
  key: (input: In) => string
  max: number
}) {
  const lanes = new Map<string, (input: In) => Promise<Out>>()
  return (tenant_id: string, input: In) => {
    const run = (inputs: In[]) => options.run(tenant_id, inputs)
    const lane = lanes.get(tenant_id) ?? gather({ ...options, run })
    lanes.set(tenant_id, lane)
    return lane(input)
  }
}
