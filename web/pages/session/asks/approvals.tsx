import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useId, useState } from 'react'
import { api } from '../../../api/endpoints.ts'
import { fieldErrors, sentenceOf } from '../../../api/failure.ts'
import type { Approval, ApprovalAnswer, Task } from '../../../api/types.ts'
import { Button } from '../../../parts/button.tsx'
import { ago, clockTime, span } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import { toast } from '../../../shell/toasts.ts'
import { reread } from '../queries.ts'
import { choose, defaultWords, noChoice, type Question, replyOf, write } from './answers.ts'
import css from './approvals.module.css'

type Props = {
  approvals: readonly Approval[]
  tasks: readonly Task[] | undefined
  nameOf: (agent_id: string) => string
}

/** What agents ask, answered here; the first to run out stands first. */
export function Approvals({ approvals, tasks, nameOf }: Props) {
  if (approvals.length === 0) return null
  const inOrder = [...approvals].sort((a, b) => Date.parse(a.deadline) - Date.parse(b.deadline))
  return (
    <div className={css.all}>
      {inOrder.map((approval) => (
        <Ask
          key={approval.id}
          approval={approval}
          task={tasks?.find(({ id }) => id === approval.task_id)}
          agent={nameOf(approval.agent_id)}
        />
      ))}
    </div>
  )
}

type AskProps = { approval: Approval; task: Task | undefined; agent: string }

function Ask({ approval, task, agent }: AskProps) {
  const heading = useId()
  const answer = useMutation({
    mutationFn: (body: ApprovalAnswer) => api.answerApproval(approval.id, body),
    onSuccess: () => toast('done', `${agent} is answered.`),
    onSettled: () => reread(approval.session_id),
  })
  const common = { send: (body: ApprovalAnswer) => answer.mutate(body), isSending: answer.isPending }
  const wrong = answer.isError ? [...fieldErrors(answer.error).values(), sentenceOf(answer.error)][0] : null
  return (
    <section className={css.ask} aria-labelledby={heading}>
      <div>
        <h2 id={heading}>
          {approval.kind === 'PERMISSION'
            ? `May ${agent} use ${approval.asked.tool}?`
            : `${agent} asks ${approval.asked.questions.length === 1 ? 'a question' : `${approval.asked.questions.length} questions`}`}
        </h2>
        <Who approval={approval} task={task} />
        {approval.kind === 'PERMISSION' && <What asked={approval.asked} />}
      </div>
      <div className={css.answer}>
        {approval.kind === 'PERMISSION' ? (
          <PermissionAnswer always={approval.asked.always} {...common} />
        ) : (
          <QuestionAnswer questions={approval.asked.questions} {...common} />
        )}
        {wrong && (
          <p className={css.wrong} role="alert">
            {wrong}
          </p>
        )}
      </div>
    </section>
  )
}

function Who({ approval, task }: Pick<AskProps, 'approval' | 'task'>) {
  const now = useNow()
  const { created_at, deadline, attempt } = approval
  const left = Date.parse(deadline) - now
  return (
    <p className={css.who}>
      For {task ? `“${task.title}”` : 'a task'}, attempt {attempt} · asked {ago(created_at, now)} ·{' '}
      {left > 0 ? `${span(left)} left, until ${clockTime(deadline)}` : 'its time is over'}; without an answer{' '}
      {defaultWords(approval.default)}.
    </p>
  )
}

function What({ asked }: { asked: Extract<Approval, { kind: 'PERMISSION' }>['asked'] }) {
  const { command, patterns, diff } = asked
  const subjects = patterns.filter((pattern) => pattern !== command)
  return (
    <div className={css.what}>
      {command !== null && <pre>{command}</pre>}
      {command === null && subjects.length > 0 && <pre>{subjects.join('\n')}</pre>}
      {diff !== null && <pre>{diff}</pre>}
    </div>
  )
}

type AnswerProps = { send: (body: ApprovalAnswer) => void; isSending: boolean }

function PermissionAnswer({ always, send, isSending }: AnswerProps & { always: readonly string[] }) {
  const [text, setText] = useState('')
  const words = text.trim() === '' ? {} : { text: text.trim() }
  const scope = always.length > 0 ? always.join(', ') : 'exactly this'
  return (
    <>
      <div className={css.ways}>
        <Button kind="strong" busy={isSending} onClick={() => send({ answer: 'allow_once' })}>
          Allow once
        </Button>
        <Button
          busy={isSending}
          title={`In this session, from now on: ${scope}`}
          onClick={() => send({ answer: 'allow_always' })}
        >
          Allow in this session
        </Button>
        <Button kind="alarm" busy={isSending} onClick={() => send({ answer: 'deny', ...words })}>
          Deny
        </Button>
        <Button
          busy={isSending}
          disabled={text.trim() === '' ? 'Write below what it should do instead.' : undefined}
          onClick={() => send({ answer: 'reply', ...words })}
        >
          Say what instead
        </Button>
      </div>
      <p className={css.wide}>
        Allowed in this session: <span className="mono">{scope}</span>
      </p>
      <input
        type="text"
        aria-label="Words to the agent"
        placeholder="Why not, or what to do instead"
        maxLength={20_000}
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
    </>
  )
}

function QuestionAnswer({ questions, send, isSending }: AnswerProps & { questions: readonly Question[] }) {
  const [choices, setChoices] = useState(() => questions.map(() => noChoice))
  const set = (i: number, next: (typeof choices)[number]) =>
    setChoices(choices.map((one, at) => (at === i ? next : one)))
  const reply = replyOf(choices)
  return (
    <>
      {questions.map((question, i) => {
        const choice = choices[i] ?? noChoice
        return (
          <OneQuestion key={question.question} question={question}>
            {question.options.map(({ label, description }) => (
              <label key={label}>
                <input
                  type={question.multiple ? 'checkbox' : 'radio'}
                  name={`${i} ${question.question}`}
                  checked={choice.chosen.includes(label)}
                  onChange={() => set(i, choose(question, choice, label))}
                />
                {label}
                {description && <small>{description}</small>}
              </label>
            ))}
            <input
              type="text"
              aria-label="Another answer"
              placeholder={question.options.length > 0 ? 'Another answer' : 'Your answer'}
              maxLength={4_000}
              value={choice.own}
              onChange={({ target }) => set(i, write(question, choice, target.value))}
            />
          </OneQuestion>
        )
      })}
      <div className={css.ways}>
        <Button
          kind="strong"
          busy={isSending}
          disabled={reply === null ? 'Each question needs an answer.' : undefined}
          onClick={() => reply && send(reply)}
        >
          Reply
        </Button>
        <Button busy={isSending} onClick={() => send({ answer: 'deny' })}>
          Let it decide
        </Button>
      </div>
    </>
  )
}

function OneQuestion({ question, children }: { question: Question; children: ReactNode }) {
  return (
    <fieldset className={css.options}>
      <legend>{question.question}</legend>
      {children}
    </fieldset>
  )
}
