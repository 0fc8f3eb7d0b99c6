import { Command, InvalidArgumentError, Option } from 'commander'
import { answerKinds } from '#core/approval/approval'
import { contextStrategies } from '#core/context/entry'
import { scopes } from '#core/key/scope'
import { wellKnownCapabilities } from '#core/plan/plan'
import { priorities } from '#core/priority'
import { listAgents } from './agent/list.ts'
import { type AgentOptions, startAgent } from './agent/start.ts'
import { type Api, defaultApi } from './api/client.ts'
import { BadInput } from './api/errors.ts'
import { keyFor } from './api/key.ts'
import { type ApprovalAnswerOptions, answerApproval } from './approval/answer.ts'
import { type ApprovalListOptions, listApprovals } from './approval/list.ts'
import {
  type ContextGetOptions,
  type ContextHistoryOptions,
  type ContextListOptions,
  getContext,
  listContext,
  showContextHistory,
} from './context/read.ts'
import {
  type ContextDeleteOptions,
  type ContextSetOptions,
  deleteContext,
  setContext,
} from './context/write.ts'
import { doctor } from './doctor/doctor.ts'
import { exitHelp } from './exit.ts'
import { follow, followTiming } from './follow/follow.ts'
import { createKey, type KeyCreateOptions, type KeyListOptions, listKeys, revokeKey } from './key/manage.ts'
import { newKey } from './key/new.ts'
import { act, actions, type ForkOptions, forkSession, sendMessage } from './session/act.ts'
import { type CreateOptions, createSession } from './session/create.ts'
import { exportSession } from './session/export.ts'
import { type ListOptions, listSessions, showDiff, showSession } from './session/read.ts'
import type { Terminal } from './terminal.ts'

type Globals = { api?: string; json?: boolean }

/** The command line as a whole. Every action reports its exit code to `onExit`. */
export function createProgram(terminal: Terminal, onExit: (code: number) => void) {
  const program = new Command('orchestrator')
    .description('Hand a goal and a git repository to a fleet of coding agents, and watch it being done.')
    .option('--api <url>', `address of the API (or ORCHESTRATOR_API_URL; default ${defaultApi})`)
    .option('--json', "print the API's JSON")
    .addHelpText('after', exitHelp)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('Add --help for what is possible.')
    .exitOverride()

  /** Wraps an action: it gets the API and whether JSON is wanted. */
  const action =
    <A extends unknown[]>(run: (api: Api, json: boolean, ...given: A) => Promise<number>) =>
    async (...given: A) => {
      const { json = false } = program.opts<Globals>()
      onExit(await run(apiOf(terminal, program.opts<Globals>()), json, ...given))
    }

  const session = program.command('session').description('goals, and how they are getting on')
  addSessionCommands(session, terminal, action)
  const agent = program.command('agent').description('workers of the fleet')
  addAgentCommands(agent, terminal, action)
  const approval = program.command('approval').description('what agents ask of people')
  addApprovalCommands(approval, terminal, action)
  const context = program.command('context').description('memory that agents share')
  addContextCommands(context, terminal, action)
  const key = program.command('key').description('keys to the API')
  addKeyCommands(key, terminal, action)
  program
    .command('doctor')
    .description('what is configured, reachable and missing, with the remedy')
    .action(action((api, json) => doctor(terminal, api, json)))
  return program
}

type Wrap = <A extends unknown[]>(
  run: (api: Api, json: boolean, ...given: A) => Promise<number>,
) => (...given: A) => Promise<void>

function addSessionCommands(session: Command, terminal: Terminal, action: Wrap) {
  session
    .command('create')
    .description('create a session: a goal for a repository')
    .requiredOption('--title <text>', 'what it is called (1–200 characters)')
    .option('--prompt <text>', 'what is to be done; - reads standard input')
    .option('--prompt-file <path>', 'file with what is to be done; - reads standard input')
    .option('--repo <path or URL>', 'git repository to work on; without one it starts from an empty one')
    .option('--base <branch>', "branch, tag or commit to start from (default: the repository's own)")
    .addOption(new Option('--priority <priority>', priorities.join(', ')).argParser(priority))
    .option(
      '--label <label>',
      'to find it by; agent:<label> asks for agents with that label; may be repeated',
      collect,
    )
    .option(
      '--plan <file.json>',
      'take this plan as it is instead of asking a planner; - reads standard input',
    )
    .option('--max-tokens <n>', 'pause when so many tokens are spent', wholeNumber)
    .option('--max-cost <usd>', 'pause when so many US dollars are spent', amount)
    .option('--max-seconds <n>', 'fail when it takes longer', wholeNumber)
    .option('--max-tasks <n>', 'largest plan', wholeNumber)
    .addOption(
      new Option('--approval <mode>', 'auto: agents act by themselves; ask: they ask you first').choices([
        'auto',
        'ask',
      ]),
    )
    .option('--start', 'start it at once')
    .option('--follow', 'show it live until it ends')
    .option('--idempotency-key <key>', 'the same key and input create one session, however often it is sent')
    .action(action((api, json, options: CreateOptions) => createSession(terminal, api, { ...options, json })))
  for (const { name, description } of actions) {
    session
      .command(`${name} <id>`)
      .description(description)
      .action(action((api, json, id: string) => act(terminal, api, id, name, json)))
  }
  session
    .command('list')
    .description('list sessions, newest first')
    .option('--state <states>', 'e.g. RUNNING,FAILED', upper)
    .option('--priority <priority>', priorities.join(', '), priority)
    .option('--label <label>', 'that carry this label')
    .option('--q <text>', 'whose text matches')
    .option('--limit <n>', 'at most so many (20, up to 100)', wholeNumber)
    .option('--cursor <cursor>', 'the page after an earlier one')
    .action(action((api, json, options: ListOptions) => listSessions(terminal, api, options, json)))
  session
    .command('show <id>')
    .description('show a session and the tree of its tasks')
    .action(action((api, json, id: string) => showSession(terminal, api, id, json)))
  session
    .command('follow <id>')
    .description('show the live log until the session ends; Ctrl-C leaves it running')
    .option('--after <seq>', 'begin after this event', wholeNumberOrZero, 0)
    .action(
      action((api, json, id: string, { after }: { after: number }) =>
        follow(terminal, api, id, { json, after, timing: followTiming }),
      ),
    )
  session
    .command('diff <id>')
    .description('print what the session changed, as a unified patch')
    .action(action((api, json, id: string) => showDiff(terminal, api, id, json)))
  session
    .command('export <id>')
    .description('print all that is stored of a session, a line of JSON each')
    .action(action((api, _json, id: string) => exportSession(terminal, api, id)))
  session
    .command('fork <id>')
    .description('make a session that goes on from a checkpoint of another one, which stays as it is')
    .option('--checkpoint <n>', 'number of the checkpoint (default: the last)', wholeNumber)
    .option('--title <text>', "what it is called (default: the other one's title)")
    .option('--start', 'start it at once')
    .action(
      action((api, json, id: string, options: ForkOptions) => forkSession(terminal, api, id, options, json)),
    )
  session
    .command('message <id> <text>')
    .description('steer a running session')
    .action(action((api, json, id: string, text: string) => sendMessage(terminal, api, id, text, json)))
}

function addAgentCommands(agent: Command, terminal: Terminal, action: Wrap) {
  agent
    .command('start')
    .description('run a worker on this machine until Ctrl-C')
    .option('--name <name>', "its name in the fleet (default: this machine's)")
    .option(
      '--capabilities <A,B>',
      `what it can do (default: ${wellKnownCapabilities.join(',')})`,
      capabilities,
    )
    .option('--capacity <n>', 'tasks at once, 1–64 (default: 2)', capacity)
    .option('--label <label>', 'a label that sessions may ask for; may be repeated', collect)
    .option('--home <dir>', 'where it keeps mirrors and worktrees')
    .action(action((api, _json, options: AgentOptions) => startAgent(terminal, api, options)))
  agent
    .command('list')
    .description('list the agents of the fleet')
    .action(action((api, json) => listAgents(terminal, api, json)))
}

function addApprovalCommands(approval: Command, terminal: Terminal, action: Wrap) {
  approval
    .command('list')
    .description('list what agents ask, newest first')
    .option('--state <states>', 'OPEN, ANSWERED, EXPIRED, WITHDRAWN', upper, 'OPEN')
    .option('--session <id>', 'of this session')
    .option('--limit <n>', 'at most so many (20, up to 100)', wholeNumber)
    .option('--cursor <cursor>', 'the page after an earlier one')
    .action(action((api, json, options: ApprovalListOptions) => listApprovals(terminal, api, options, json)))
  approval
    .command('answer <id> <answer>')
    .description(`answer it: ${answerKinds.join(', ')}; the agent then goes on`)
    .option('--text <text>', 'a reason, or what to do instead')
    .option('--choose <label>', 'the answer to a question; once for each question', collect)
    .action(
      action((api, json, id: string, answer: string, options: ApprovalAnswerOptions) =>
        answerApproval(terminal, api, { id, answer, options }, json),
      ),
    )
}

function addContextCommands(context: Command, terminal: Terminal, action: Wrap) {
  const command = (name: string, description: string) =>
    context
      .command(name)
      .description(description)
      .option('--session <id>', "a session's memory (default: everybody's)")
      .option('--task <id>', "a task's memory")
  const basedOn = ['--based-on <version>', 'the version it is based on (default: the present one)'] as const
  command('list', 'list entries by key')
    .option('--prefix <key>', 'whose key begins with these words')
    .option('--own', 'without what a wider scope holds')
    .option('--limit <n>', 'at most so many (20, up to 100)', wholeNumber)
    .option('--cursor <cursor>', 'the page after an earlier one')
    .action(action((api, json, options: ContextListOptions) => listContext(terminal, api, options, json)))
  command('get <key>', 'print the value of an entry, of the nearest scope that has it')
    .option('--own', 'of this very scope')
    .action(
      action((api, json, key: string, options: ContextGetOptions) =>
        getContext(terminal, api, key, options, json),
      ),
    )
  command('set <key> <value>', 'write an entry: JSON, or - for standard input; one that is behind is merged')
    .option('--text', 'the value is text as it stands, not JSON')
    .addOption(
      new Option('--strategy <strategy>', 'who wins where two writers disagree').choices(contextStrategies),
    )
    .option(...basedOn, wholeNumber)
    .action(
      action((api, json, key: string, value: string, options: ContextSetOptions) =>
        setContext(terminal, api, { key, value }, options, json),
      ),
    )
  command('delete <key>', 'delete an entry; its history stays')
    .option(...basedOn, wholeNumber)
    .action(
      action((api, json, key: string, options: ContextDeleteOptions) =>
        deleteContext(terminal, api, key, options, json),
      ),
    )
  command('history <key>', 'list every version of an entry, newest first')
    .option('--limit <n>', 'at most so many (20, up to 100)', wholeNumber)
    .option('--cursor <cursor>', 'the page after an earlier one')
    .action(
      action((api, json, key: string, options: ContextHistoryOptions) =>
        showContextHistory(terminal, api, key, options, json),
      ),
    )
}

function addKeyCommands(key: Command, terminal: Terminal, action: Wrap) {
  key
    .command('create')
    .description('make a key; its token is the output, told only now')
    .requiredOption('--name <text>', 'what it is for')
    .addOption(new Option('--scope <scope...>', 'what it may do').choices(scopes).makeOptionMandatory())
    .option('--expires <time>', 'when it ends, e.g. 2030-01-31T00:00:00Z (default: never)')
    .action(action((api, json, options: KeyCreateOptions) => createKey(terminal, api, options, json)))
  key
    .command('list')
    .description('list keys, newest first')
    .option('--limit <n>', 'how many (default 20)', wholeNumber)
    .option('--cursor <cursor>', 'where to go on')
    .action(action((api, json, options: KeyListOptions) => listKeys(terminal, api, options, json)))
  key
    .command('revoke <id>')
    .description('end a key: within 5 seconds it opens nothing')
    .action(action((api, json, id: string) => revokeKey(terminal, api, id, json)))
  key
    .command('new')
    .description("print a new key for a deployment's AdminKey secret; the API is not asked")
    .action(action((_api, json) => newKey(terminal, json)))
}

function apiOf(terminal: Terminal, { api }: Globals): Api {
  const given = api ?? terminal.env.ORCHESTRATOR_API_URL ?? defaultApi
  if (!URL.canParse(given) || !/^https?:/.test(given)) {
    throw new BadInput(`"${given}" is no address of an API, such as ${defaultApi}`)
  }
  return {
    base: given.replace(/\/+$/, ''),
    key: keyFor(terminal.env, given),
    timeout_ms: 30_000,
    retry_ms: [200, 800],
    signal: terminal.interrupted,
  }
}

function collect(value: string, before: string[] | undefined) {
  return [...(before ?? []), value]
}

function priority(value: string) {
  const found = priorities.find((name) => name === value.toUpperCase())
  if (!found) throw new InvalidArgumentError(`It is one of ${priorities.join(', ')}.`)
  return found
}

const upper = (value: string) => value.toUpperCase()

function capabilities(value: string) {
  const words = value.split(',').map((word) => word.trim().toUpperCase())
  if (words.every((word) => /^[A-Z][A-Z0-9_]{0,63}$/.test(word))) return words
  throw new InvalidArgumentError('They are words such as CODE_GENERATION, separated by commas.')
}

function wholeNumberOrZero(value: string) {
  const number = Number(value)
  if (/^\d+$/.test(value) && Number.isSafeInteger(number)) return number
  throw new InvalidArgumentError('It is a whole number.')
}

function wholeNumber(value: string) {
  const number = wholeNumberOrZero(value)
  if (number > 0) return number
  throw new InvalidArgumentError('It is a whole number of at least 1.')
}

function capacity(value: string) {
  const number = wholeNumber(value)
  if (number <= 64) return number
  throw new InvalidArgumentError('It is at most 64.')
}

function amount(value: string) {
  const number = Number(value)
  if (value.trim() && Number.isFinite(number) && number > 0) return number
  throw new InvalidArgumentError('It is an amount of US dollars above 0.')
}
