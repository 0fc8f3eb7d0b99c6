import { afterAll, beforeAll, expect, test } from 'vitest'
import { validatePlan } from '#core/plan/plan'
import { ask, marker, planPrompt, planTools, play, post, replied, taskPrompt, user } from './fixtures.ts'
import { type ModelLogEntry, type RunningModel, startModel } from './server.ts'

const entries: ModelLogEntry[] = []
let model: RunningModel
beforeAll(async () => {
  model = await startModel({ log: (entry) => entries.push(entry) })
})
afterAll(() => model.stop())

const coding = (content: object, key = 'change') => [
  user(taskPrompt({ key, instruction: `Do it. ${marker(content)}` })),
]

test('it lists one model, and refuses another and what is no request', async () => {
  const list = await (await fetch(`${model.url}/models`)).json()
  expect(list).toMatchObject({ data: [{ id: 'rehearsal-1' }] })
  const send = (body: string) => fetch(`${model.url}/chat/completions`, { method: 'POST', body })
  expect((await send('{"model":"gpt","messages":[{"role":"user","content":"x"}]}')).status).toBe(404)
  expect((await send('{"model":"rehearsal-1"}')).status).toBe(400)
  expect((await send('no json')).status).toBe(400)
  expect((await fetch(`${model.url}/embeddings`)).status).toBe(404)
})

test('without stream the answer is one object', async () => {
  const body = JSON.stringify({ model: 'rehearsal-1', messages: coding({ steps: [{ text: 'hello' }] }) })
  const answer = await (await fetch(`${model.url}/chat/completions`, { method: 'POST', body })).json()
  expect(answer).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  })
})

test('a task looks, reads, writes, proves and finishes; twice the same', async () => {
  const chat = { messages: [user(taskPrompt())] }
  const { said } = await play(model.url, chat)
  expect(said.map(({ calls }) => calls.map(({ name }) => name))).toEqual([
    ['glob', 'bash'],
    ['read'],
    ['write'],
    ['bash'],
    [],
  ])
  expect(said[2]?.calls[0]?.args).toMatchObject({
    filePath: 'rehearsal/change.md',
    content: expect.stringContaining('Written by the rehearsal model'),
  })
  expect(said[0]?.reasoning).toContain('Carry it out')
  expect(said.at(-1)).toMatchObject({ finish: 'stop', text: expect.stringContaining('Carry it out') })
  expect((await play(model.url, chat)).said).toEqual(said)
})

test('the other form of the prompt is understood as well', async () => {
  const text = 'task key: notes\ntitle: Take notes\n\n# Goal\nBe kind\n\n# Your task\nWrite them down.'
  const { said } = await play(model.url, { messages: [user(text)] })
  const content = String(said[2]?.calls[0]?.args.content)
  expect(said[2]?.calls[0]?.args.filePath).toBe('rehearsal/notes.md')
  for (const part of ['# Take notes', 'goal: Be kind', '> Write them down.']) expect(content).toContain(part)
})

test('a goal about a changelog gets an entry: a new file, or a section of the one that is there', async () => {
  const messages = [user(taskPrompt({ goal: "Add a changelog\n\nIt's time." }))]
  const none = await play(model.url, { messages }, (name) => (name === 'read' ? 'File not found: x' : 'ok'))
  expect(none.said[3]?.calls[0]).toMatchObject({ name: 'write', args: { filePath: 'CHANGELOG.md' } })
  const some = await play(model.url, { messages })
  expect(some.said[3]?.calls[0]).toMatchObject({
    name: 'bash',
    args: { command: expect.stringContaining('>> CHANGELOG.md') },
  })
})

test('usage is counted from the lengths, and what was sent before is cached', async () => {
  const messages = [user(taskPrompt())]
  const first = await ask(model.url, { messages })
  const second = await ask(model.url, { messages: [...messages, ...replied(first)] })
  expect(first.usage?.prompt_tokens_details.cached_tokens).toBe(0)
  expect(first.usage?.completion_tokens_details.reasoning_tokens).toBeGreaterThan(5)
  const prompt = second.usage?.prompt_tokens ?? 0
  expect(second.usage?.total_tokens).toBe(prompt + (second.usage?.completion_tokens ?? 0))
  expect(second.usage?.prompt_tokens_details.cached_tokens).toBeGreaterThan(50)
  expect(second.usage?.prompt_tokens_details.cached_tokens).toBeLessThan(prompt)
})

test('the Architect looks, submits a valid plan and finishes', async () => {
  const chat = { messages: [user(planPrompt('Add a changelog\n\nWith dates.'))], tools: planTools }
  const { said } = await play(model.url, chat, (name) =>
    name === 'glob' ? 'README.md' : 'The plan is accepted',
  )
  expect(said.map(({ calls }) => calls[0]?.name)).toEqual(['glob', 'orchestrator_plan_submit', undefined])
  const verdict = validatePlan(said[1]?.calls[0]?.args)
  expect(verdict).toMatchObject({ ok: true })
  if (!verdict.ok) return
  expect(verdict.plan.tasks.map(({ key, depends_on }) => [key, ...depends_on])).toEqual([
    ['survey'],
    ['change', 'survey'],
    ['notes', 'survey'],
    ['verify', 'change', 'notes'],
  ])
  expect(verdict.plan.tasks[1]?.title).toContain('Add a changelog')
})

test('a refused plan is corrected once for each error, then given up', async () => {
  const bad = {
    tasks: [
      { key: 'A b', title: 'x', instruction: 'y', capability: 'code', depends_on: ['b', 'gone'], more: 1 },
      { key: 'b', title: 'x', instruction: 'y', capability: 'TESTING', depends_on: ['A b'] },
      { key: 'b', title: '', instruction: '', capability: 'TESTING', checks: [{ command: 'true' }] },
    ],
  }
  const messages = [user(planPrompt(`A goal\n\n${marker({ plan: bad })}`))]
  const refusal = 'The plan was not accepted:\n/tasks: has 3 tasks, at most 2 are allowed'
  const { said } = await play(model.url, { messages, tools: planTools }, () => refusal)
  const plans = said.flatMap(({ calls }) => calls.filter(({ name }) => name.endsWith('plan_submit')))
  expect(plans.map(({ args }) => validatePlan(args, 2).ok)).toEqual([false, true])
  expect(plans[0]?.args).toEqual(bad)
  expect(said.at(-1)?.text).toContain('could not correct')
  const kept = [user(planPrompt(`A goal\n\n${marker({ plan: bad, keep_plan: true })}`))]
  expect((await play(model.url, { messages: kept, tools: planTools }, () => refusal)).said).toHaveLength(3)
})

test('asked again for a plan that was not submitted, it submits it', async () => {
  const messages = [user(planPrompt('A goal')), { role: 'assistant' as const, content: 'Hm.' }]
  const reminder = user('No plan was submitted. Submit it now.')
  const said = await ask(model.url, { messages: [...messages, reminder], tools: planTools })
  expect(said.calls[0]?.name).toBe('orchestrator_plan_submit')
})

test('a script is played exactly, in its goal for one key or in the instruction, which wins', async () => {
  const tool = { name: 'bash', args: { command: 'echo "}" >> file' } }
  const goal = `A goal\n\n${marker({ steps: [{ text: 'for all' }], tasks: { one: { steps: [{ text: 'for one' }] } } })}`
  const textOf = async (key: string, instruction: string) =>
    (await ask(model.url, { messages: [user(taskPrompt({ key, goal, instruction }))] })).text
  expect(await textOf('two', 'x')).toBe('for all')
  expect(await textOf('one', 'x')).toBe('for one')
  expect(await textOf('one', marker({ steps: [{ text: 'own' }] }))).toBe('own')
  const steps = [{ reasoning: 'why', text: 'a', tools: [tool, tool] }, { text: 'b' }]
  const { said } = await play(model.url, { messages: coding({ steps }) })
  expect(said).toMatchObject([
    { reasoning: 'why', text: 'a', calls: [tool, tool], finish: 'tool_calls' },
    { text: 'b', finish: 'stop' },
  ])
  const usage = { prompt_tokens: 100, completion_tokens: 10, cached_tokens: 60, reasoning_tokens: 3 }
  const counted = await ask(model.url, { messages: coding({ steps: [{ text: 'a', usage }] }) })
  expect(counted.usage).toMatchObject({
    prompt_tokens: 100,
    total_tokens: 110,
    prompt_tokens_details: { cached_tokens: 60 },
    completion_tokens_details: { reasoning_tokens: 3 },
  })
})

test("the Architect is not played by the goal's script for tasks, but by one of its own key", async () => {
  const goal = (content: object) => [user(planPrompt(`A goal\n\n${marker(content)}`))]
  const steps = [{ text: 'only text' }]
  const common = await ask(model.url, { messages: goal({ steps, refuse: true }), tools: planTools })
  expect(common.calls[0]?.name).toBe('glob')
  const text = planPrompt(`A goal\n\n${marker({ tasks: { plan: { steps } } })}`)
  expect((await ask(model.url, { messages: [user(text)], tools: planTools })).text).toBe('only text')
})

test('a step that was interrupted is repeated; a partial text is not counted', async () => {
  const messages = [user(taskPrompt())]
  const first = await ask(model.url, { messages })
  const lost = replied(first, () => '[Tool execution was interrupted]')
  const again = await ask(model.url, { messages: [...messages, ...lost] })
  expect(again.calls.map(({ name, args }) => [name, args])).toEqual(
    first.calls.map(({ name, args }) => [name, args]),
  )
  expect(again.calls[0]?.id).not.toBe(first.calls[0]?.id)
  const partial = { role: 'assistant' as const, content: 'I look at' }
  expect((await ask(model.url, { messages: [...messages, partial] })).calls[0]?.name).toBe('glob')
})

test('what a person says is acknowledged, written down once, and the script goes on', async () => {
  const messages = [user(taskPrompt())]
  const first = await ask(model.url, { messages })
  const spoken = user('# Messages from the operator\nPlease be kind.')
  const { said } = await play(model.url, { messages: [...messages, ...replied(first), spoken] })
  expect(said[0]?.text).toBe('Understood: Please be kind.')
  expect(said[0]?.calls[0]?.args).toMatchObject({
    filePath: 'rehearsal/steering.md',
    content: expect.stringContaining('> Please be kind.'),
  })
  expect(said.slice(1).map(({ calls }) => calls[0]?.name)).toEqual(['read', 'write', 'bash', undefined])
})

test('a failed check that is told afterwards gets a repair, and then the end', async () => {
  const { messages } = await play(model.url, { messages: [user(taskPrompt())] })
  const failed = user('A check of this task exited with 1:\n\n$ npm test\nboom\n\nCorrect the cause.')
  const { said } = await play(model.url, { messages: [...messages, failed] })
  expect(said).toHaveLength(2)
  expect(said[0]?.calls[0]).toMatchObject({ name: 'write', args: { filePath: 'rehearsal/change-repair.md' } })
})

test('conflicts are read and written with both sides and no marker', async () => {
  const prompt =
    'The work of the task "b" was merged.\n\nconflicted files:\n- a.md\n- dir/b c.md\n\nResolve each.'
  const lines = [
    'top',
    '<<<<<<< HEAD',
    'ours',
    '||||||| base',
    'old',
    '=======',
    'theirs',
    '>>>>>>> b',
    'end',
  ]
  const shown = lines.map((line, i) => `${i + 1}: ${line}`).join('\n')
  const file = `<path>/x</path>\n<type>file</type>\n<content>\n${shown}\n\n(End of file - total 9 lines)\n</content>`
  const cut = file.replace('(End of file - total 9 lines)', '(Output capped at 50 KB.)')
  const { said } = await play(model.url, { messages: [user(prompt)] }, (_, at) => (at === 0 ? file : cut))
  expect(said[0]?.calls.map(({ args }) => args.filePath)).toEqual(['a.md', 'dir/b c.md'])
  expect(said[1]?.calls[0]?.args).toEqual({ filePath: 'a.md', content: 'top\nours\ntheirs\nend\n' })
  expect(said[1]?.calls[1]).toMatchObject({ name: 'bash', args: { command: expect.stringContaining('awk') } })
  expect(said.at(-1)?.finish).toBe('stop')
})

test("a merge task hears its operator, and of the goal's markers only its own faults", async () => {
  const goal = `A goal\n\n${marker({ steps: [{ text: 'no' }], tasks: { 'merge-1': { error: { status: 429 } } } })}`
  const instruction = 'Both changed it.\n\nconflicted files:\n- a.md\n\nResolve each.'
  const text = `${taskPrompt({ key: 'merge-1', goal, instruction })}\n\n# Messages from the operator\nBe kind.`
  const chat = { messages: [user(text)], conversation: 'ses_merge' }
  await expect(ask(model.url, chat)).rejects.toThrow('429')
  const { said } = await play(model.url, chat)
  expect(said[0]?.text).toBe('Understood: Be kind.')
  expect(said[1]?.calls).toMatchObject([{ name: 'read', args: { filePath: 'a.md' } }])
  expect(said.at(-1)?.text).toContain('a.md hold both sides')
})

test('refuse answers without a tool, ask uses the question tool, flood prints many lines', async () => {
  const refused = await ask(model.url, { messages: coding({ refuse: true }) })
  expect(refused).toMatchObject({ text: 'I cannot do that.', calls: [], finish: 'stop' })
  const asked = await play(model.url, {
    messages: coding({ ask: { question: 'Which?', options: ['A', 'B'] } }),
  })
  expect(asked.said[2]?.calls[0]).toMatchObject({
    name: 'question',
    args: {
      questions: [{ question: 'Which?', options: [{ label: 'A', description: 'A' }, { label: 'B' }] }],
    },
  })
  const flooded = await play(model.url, { messages: coding({ flood: 3_000 }) })
  expect(flooded.said[3]?.text.split('\n')).toHaveLength(3_000)
  expect(flooded.said[3]?.calls[0]?.args.command).toContain('3000')
})

test('an error strikes as often as asked, per conversation or over all tries of a task', async () => {
  const once = coding({ error: { status: 429, times: 1 } })
  const status = async (messages: typeof once, conversation: string) => {
    const response = await post(model.url, { messages, conversation })
    await response.text()
    return response.status
  }
  expect([await status(once, 'ses_1'), await status(once, 'ses_1'), await status(once, 'ses_2')]).toEqual([
    429, 200, 429,
  ])
  const perTask = coding({ error: { status: 400, per: 'task' } })
  expect([await status(perTask, 'ses_1'), await status(perTask, 'ses_2')]).toEqual([400, 200])
})

test('drop breaks the connection off in the middle', async () => {
  const chat = { messages: coding({ drop: { times: 1 } }), conversation: 'ses_drop' }
  await expect(ask(model.url, chat)).rejects.toThrow()
  expect((await ask(model.url, chat)).finish).toBe('tool_calls')
})

test('stall begins an answer and never ends it, until the client leaves', async () => {
  const leave = new AbortController()
  const response = await post(model.url, { messages: coding({ stall: true }), signal: leave.signal })
  const reader = response.body?.getReader()
  expect((await reader?.read())?.done).toBe(false)
  expect(entries.at(-1)).toMatchObject({ kind: 'task', key: 'change', outcome: 'stalled' })
  leave.abort()
  await expect(reader?.closed).rejects.toThrow()
})

test('slow_ms delays every answer, chunk_delay_ms every chunk', async () => {
  const timed = async (content: object) => {
    const started = performance.now()
    const { chunks } = await ask(model.url, {
      messages: coding({ ...content, steps: [{ text: 'x'.repeat(64) }] }),
    })
    return { took: performance.now() - started, chunks }
  }
  expect((await timed({ slow_ms: 60 })).took).toBeGreaterThanOrEqual(59)
  const { took, chunks } = await timed({ chunk_delay_ms: 15 })
  expect(chunks).toBe(7)
  expect(took).toBeGreaterThanOrEqual(58)
})

test('a bad marker is answered as text that says what is wrong', async () => {
  for (const text of [
    '<<rehearsal {"slow_ms": "x"} >>',
    '<<rehearsal {"unknown": 1}>>',
    '<<rehearsal {no} >>',
    '<<rehearsal',
  ]) {
    const said = await ask(model.url, { messages: [user(taskPrompt({ instruction: text }))] })
    expect(said.text).toContain('The rehearsal marker could not be understood')
    expect(said.calls).toEqual([])
  }
})

test('titles are short, and a compacted conversation goes on where it stood', async () => {
  const title = await ask(model.url, {
    messages: [
      { role: 'system', content: 'You are a title generator.' },
      user('Generate a title:\n'),
      user(taskPrompt()),
    ],
    tools: [],
  })
  expect(title.text).toBe('Rehearsal: Carry it out')
  const told = `<conversation>\n[User]: ${taskPrompt()}\n\n[Assistant]: I look at what is here.\n[Assistant tool call]: glob({})\n\n[Assistant]: I read ..\n</conversation>\n\nCreate a new anchored summary`
  const summary = await ask(model.url, {
    messages: [{ role: 'system', content: 'You are a context summarization agent.' }, user(told)],
    tools: [],
  })
  const { said } = await play(model.url, {
    messages: [
      user('What did we do so far?'),
      { role: 'assistant', content: summary.text },
      user('Continue if you have next steps, or stop and ask for clarification.'),
    ],
  })
  expect(said.map(({ calls }) => calls[0]?.name)).toEqual(['write', 'bash', undefined])
})

test('with fewer tools it does what it can, and still ends', async () => {
  const bash = await play(model.url, { messages: [user(taskPrompt())], tools: ['bash'] })
  expect(bash.said.flatMap(({ calls }) => calls.map(({ name }) => name))).toContain('bash')
  const none = await ask(model.url, { messages: [user('Just talk.')], tools: [] })
  expect(none).toMatchObject({ finish: 'stop', text: expect.stringContaining('no tool to write with') })
})
