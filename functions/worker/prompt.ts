import type { Assignment } from '#core/task/wire'
import type { CheckResult } from './checks.ts'

type Message = { text: string }

const sharedMemory =
  'The agents of this session share a memory: orchestrator_context_list, orchestrator_context_get and orchestrator_context_put.'

const delegation =
  'Work that turns out to be a task of its own may be handed to other agents with orchestrator_subtask_add; they begin from your work when you are done.'

/** What the engine is told first. Its headings are stable: people, and the rehearsal model, read them. */
export function firstPrompt(assignment: Assignment, messages: Message[]): string {
  const body = assignment.task.kind === 'PLAN' ? planPrompt(assignment) : workPrompt(assignment)
  return [...body, ...previousError(assignment), ...steering(messages)].join('\n\n')
}

function planPrompt({ session, task, plan_limits }: Assignment) {
  return [
    'You are the architect of a coding session. Plan it; do not change any file.',
    `# Goal\n${session.title}\n\n${session.prompt}`,
    ...(task.instruction === '' ? [] : [`# Instruction\n${task.instruction}`]),
    [
      '# What to do',
      'Look at the repository in the current folder as far as you need to.',
      'Divide the goal into tasks that one engineer can finish alone; let tasks that do not need each other run in parallel.',
      'A trivial goal is a plan of one task.',
      'Give each task a check where a command can prove that it is done.',
      'Do not plan the merging, committing or pushing of the work: that is done for you.',
      `Submit the plan with the tool orchestrator_plan_submit, at most ${plan_limits.max_tasks} tasks, and correct it when it is refused.`,
      sharedMemory,
    ].join('\n'),
  ]
}

function workPrompt({ session, task, inputs, subtasks = [] }: Assignment) {
  const checks = task.checks.map(({ command }) => `- ${command}`).join('\n')
  const added = subtasks.map(({ key, title }) => `- ${key}: ${title}`).join('\n')
  const before = inputs.map(({ key }) => `- ${key}`).join('\n')
  return [
    `You work on one task (${task.capability}) of a coding session, alone, in the git worktree of the current folder.`,
    `# Task: ${task.title}\nkey: ${task.key}\n\n${task.instruction}`,
    `# The session it is part of\n${session.title}\n\n${session.prompt}`,
    ...(before === '' ? [] : [`# Tasks whose work is already here\n${before}`]),
    ...(checks === '' ? [] : [`# Checks that must pass when you are done\n${checks}`]),
    ...(added === '' ? [] : [`# Tasks whose work comes after yours, added by an earlier attempt\n${added}`]),
    [
      '# Rules\nDo this task only. Work in this folder only. Do not commit or push: that is done for you.',
      ...(task.kind === 'WORK' ? [sharedMemory, delegation] : task.kind === 'MERGE' ? [sharedMemory] : []),
      'When you are done, say in a few sentences what you changed.',
    ].join('\n'),
  ]
}

function previousError({ previous_error }: Assignment) {
  return previous_error ? [failedPrompt(previous_error)] : []
}

function failedPrompt({ code, message }: { code: string; message: string }) {
  return `# The last attempt at this failed (${code})\n${message}`
}

/** A turn for an attempt that goes on from what a failed one left. */
export function retryPrompt(error: { code: string; message: string }): string {
  return [failedPrompt(error), 'Correct the cause, in the spirit of the task. Do not weaken the check.'].join(
    '\n\n',
  )
}

function steering(messages: Message[]) {
  if (messages.length === 0) return []
  return [`# Messages from the operator\n${messages.map(({ text }) => text).join('\n\n')}`]
}

/** A turn for messages that came when the engine was idle. */
export function messagePrompt(messages: Message[]): string {
  return steering(messages).join('')
}

export function repairPrompt(failed: CheckResult): string {
  const how = failed.exit_code === null ? 'did not end in time' : `exited with ${failed.exit_code}`
  return [
    `A check of this task ${how}:`,
    `$ ${failed.command}\n${failed.output_tail}`,
    'Correct the cause, in the spirit of the task. Do not weaken the check.',
  ].join('\n\n')
}

export const reminderPrompt =
  'No plan was submitted. Submit it now with the tool orchestrator_plan_submit; without it the session cannot go on.'

/** Put before a prompt when files, but not the memory, of an earlier attempt could be restored. */
export const continuedNote =
  'Another engineer began this and was interrupted. The files are as they left them; look at what is there (git status, git diff) and go on from it.'
