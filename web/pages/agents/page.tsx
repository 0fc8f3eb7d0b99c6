import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { queries } from '../../api/query.ts'
import type { Agent, Ready, Task } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { countOf } from '../../parts/format.ts'
import { Empty, Failed, Old, Reading } from '../../parts/notice.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { useCommands } from '../../shell/commands.ts'
import { coverageOf } from './coverage.ts'
import { CoverageTable } from './coverage-table.tsx'
import css from './page.module.css'
import { StartAgent } from './start-agent.tsx'
import { AgentTable } from './table.tsx'

const route = getRouteApi('/agents')
/** States in which a task is an agent's. */
const held = ['ASSIGNED', 'RUNNING', 'AWAITING_INPUT'] as const
const noTasks: Task[] = []

/** The fleet: who is there, how loaded, how good, at what; and what nobody can do. */
export function AgentsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const fleet = useQuery(queries.fleet())
  const work = useQuery(queries.tasks({ state: held, limit: 100 }))
  const ready = useQuery(queries.tasks({ state: ['READY'], limit: 100 }))
  const dependencies = useQuery(queries.ready())
  const agents = fleet.data?.items ?? []
  const start = (capability: string) => navigate({ search: (now) => ({ ...now, start: capability }) })
  useCommands([
    { id: 'start agent', group: 'Agents', title: 'Start another agent…', keys: 's', run: () => start('any') },
  ])
  const coverage = coverageOf(agents, ready.data?.items ?? noTasks)
  const { capability } = search
  const shown = capability ? agents.filter((agent) => agent.capabilities.includes(capability)) : agents
  return (
    <>
      <PageHead title="Agents" lead={fleet.data ? leadOf(agents) : '\u00a0'}>
        <Button keys="s" onClick={() => start('any')}>
          Start another…
        </Button>
      </PageHead>
      {dependencies.data && <RedisAway ready={dependencies.data} />}
      {fleet.isPending && <Reading what="agents" />}
      {fleet.isError && !fleet.data && (
        <Failed what="Agents" error={fleet.error} retry={() => fleet.refetch()} />
      )}
      {fleet.isError && fleet.data && (
        <Old error={fleet.error} at={fleet.dataUpdatedAt} retry={() => fleet.refetch()} />
      )}
      {fleet.data && agents.length === 0 && <NoAgents start={() => start('any')} />}
      {fleet.data && agents.length > 0 && (
        <>
          <Capabilities coverage={coverage} agents={agents} chosen={capability} />
          <AgentTable
            agents={shown}
            work={work.data?.items ?? noTasks}
            workComplete={work.data?.next_cursor === null}
          />
          {!fleet.data.complete && (
            <p className={css.more}>The first {countOf(agents.length)} agents by name.</p>
          )}
          <CoverageTable coverage={coverage} agents={agents} start={start} />
        </>
      )}
      {search.start && (
        <StartAgent
          capability={search.start === 'any' ? undefined : search.start}
          onClose={() => navigate({ search: ({ start: _start, ...now }) => now, replace: true })}
        />
      )}
    </>
  )
}

function leadOf(agents: readonly Agent[]) {
  const present = agents.filter(({ state }) => state !== 'OFFLINE')
  const slots = present.reduce((sum, { capacity }) => sum + capacity, 0)
  const busy = present.reduce((sum, { active }) => sum + active, 0)
  const away = agents.length - present.length
  return `${countOf(present.length)} present${away > 0 ? `, ${countOf(away)} offline` : ''} · ${countOf(busy)} of ${countOf(slots)} slots busy`
}

/** Without Redis nobody can tell who is alive: the page says what that means. */
function RedisAway({ ready }: { ready: Ready }) {
  const redis = ready.dependencies.redis
  if (redis === undefined || redis.ok) return null
  return (
    <div className={css.away} role="alert">
      <b>Redis is away.</b>
      <p>
        Presence is not known: an agent that dies now still looks online, and heartbeats are as old as when
        they were last written down (up to a minute). Nobody is declared silent, and no task is taken from its
        agent, until Redis has been back for half a minute. Sessions, tasks and results are not touched; work
        goes on, told a little later.
      </p>
      <p className="mono">{redis.error}</p>
    </div>
  )
}

function NoAgents({ start }: { start: () => void }) {
  return (
    <Empty title="No agents yet">
      <p>
        Sessions wait until an agent can plan and do their tasks. An agent is a process that connects out to
        the API, from any machine.
      </p>
      <Button kind="strong" onClick={start}>
        Start an agent…
      </Button>
    </Empty>
  )
}

type ChipsProps = {
  coverage: ReturnType<typeof coverageOf>
  agents: readonly Agent[]
  chosen: string | undefined
}

function Capabilities({ coverage, agents, chosen }: ChipsProps) {
  const navigate = route.useNavigate()
  const had = coverage
    .map(({ capability }) => ({
      capability,
      count: agents.filter(({ capabilities }) => capabilities.includes(capability)).length,
    }))
    .filter(({ capability, count }) => count > 0 || capability === chosen)
    .toSorted((a, b) => a.capability.localeCompare(b.capability))
  const choose = (capability: string | undefined) =>
    navigate({ search: ({ capability: _before, ...now }) => (capability ? { ...now, capability } : now) })
  return (
    <fieldset className={css.chips}>
      <legend className="sr">Capability</legend>
      <button type="button" aria-pressed={!chosen} onClick={() => choose(undefined)}>
        All <b>{agents.length}</b>
      </button>
      {had.map(({ capability, count }) => (
        <button
          key={capability}
          type="button"
          aria-pressed={chosen === capability}
          onClick={() => choose(chosen === capability ? undefined : capability)}
        >
          {capability} <b>{count}</b>
        </button>
      ))}
    </fieldset>
  )
}
