import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../../api/endpoints.ts'
import { sentenceOf } from '../../api/failure.ts'
import type { Agent, Task } from '../../api/types.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { Empty } from '../../parts/notice.tsx'
import { toast } from '../../shell/toasts.ts'
import { type AgentAction, AgentRow } from './row.tsx'
import css from './table.module.css'

type Props = { agents: readonly Agent[]; work: readonly Task[]; workComplete: boolean }

/** Every agent in a row, with what it does now. */
export function AgentTable({ agents, work, workComplete }: Props) {
  const [asked, setAsked] = useState<{ agent: Agent; action: AgentAction } | null>(null)
  const act = useAct()
  if (agents.length === 0) {
    return (
      <Empty title="No agent has this capability">
        <p>Tasks that ask for it wait until one does.</p>
      </Empty>
    )
  }
  return (
    <>
      <table className={css.table}>
        <caption className="sr">Agents</caption>
        <thead>
          <tr>
            {['Agent', 'Load', 'Tier', 'Now', 'Heartbeat', 'Tokens now'].map((head) => (
              <th key={head} scope="col" className="label">
                {head}
              </th>
            ))}
            <th scope="col">
              <span className="sr">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <AgentRow
              key={agent.id}
              agent={agent}
              tasks={work.filter(({ agent_id }) => agent_id === agent.id)}
              tasksComplete={workComplete}
              onAction={(action) => setAsked({ agent, action })}
            />
          ))}
        </tbody>
      </table>
      {asked && (
        <Confirm
          title={asked.action === 'drain' ? `Drain ${asked.agent.name}?` : `Remove ${asked.agent.name}?`}
          action={asked.action === 'drain' ? 'Drain it' : 'Remove it'}
          onClose={() => setAsked(null)}
          onConfirm={() => act.mutate(asked)}
        >
          <p>
            {asked.action === 'drain'
              ? 'It finishes what it has and gets nothing new. It takes work again once its process registers anew.'
              : 'What it holds goes elsewhere, from its last checkpoint. Its token is worth nothing from then on; a process that still runs registers anew.'}
          </p>
          {asked.agent.active > 0 && <p>It holds {asked.agent.active} now.</p>}
        </Confirm>
      )}
    </>
  )
}

function useAct() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async ({ agent, action }: { agent: Agent; action: AgentAction }) => {
      if (action === 'drain') await api.drainAgent(agent.id)
      else await api.removeAgent(agent.id)
    },
    onSuccess: (_, { agent, action }) =>
      toast('done', action === 'drain' ? `${agent.name} is draining` : `${agent.name} is removed`),
    onError: (error, { agent, action }) =>
      toast('failed', `${agent.name}: ${action} was refused. ${sentenceOf(error)}`),
    onSettled: () =>
      client.invalidateQueries({
        predicate: ({ queryKey: [noun] }) => noun === 'agents' || noun === 'tasks',
      }),
  })
}
