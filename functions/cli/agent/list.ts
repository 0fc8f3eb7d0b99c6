import { type Api, call } from '../api/client.ts'
import { AgentView as AgentSchema, type AgentView, listOf } from '../api/records.ts'
import { exit } from '../exit.ts'
import { printJson, table } from '../print.ts'
import type { Terminal } from '../terminal.ts'

export async function listAgents(terminal: Terminal, api: Api, json: boolean) {
  const { raw, value } = await call(api, listOf(AgentSchema), '/agents', { query: { limit: 100 } })
  if (json) printJson(terminal, raw)
  else if (value.items.length === 0) terminal.out('no agents; start one: npx orchestrator agent start\n')
  else terminal.out(table(['NAME', 'STATE', 'LOAD', 'MODEL', 'ID', 'CAPABILITIES'], value.items.map(row)))
  return exit.ok
}

function row({ name, state, active, capacity, engine, id, capabilities }: AgentView) {
  const model = engine?.rehearsal ? 'rehearsal' : (engine?.model ?? '')
  return [name, state, `${active}/${capacity}`, model, id, capabilities.join(',')]
}
