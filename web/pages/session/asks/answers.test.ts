import { expect, it } from 'vitest'
import { choose, defaultWords, noChoice, type Question, replyOf, write } from './answers.ts'

const question = (multiple: boolean): Question => ({
  question: 'Which?',
  header: '',
  options: [
    { label: 'a', description: '' },
    { label: 'b', description: '' },
  ],
  multiple,
})

it('of a question that takes one answer the last choice holds, or what is written instead', () => {
  const one = question(false)
  const chosen = choose(one, choose(one, noChoice, 'a'), 'b')
  expect(chosen.chosen).toEqual(['b'])
  expect(replyOf([write(one, chosen, ' c ')])).toEqual({ answer: 'reply', answers: [['c']] })
})

it('of a question that takes several, choices gather and can be taken back', () => {
  const many = question(true)
  const both = choose(many, choose(many, noChoice, 'a'), 'b')
  expect(replyOf([write(many, both, 'c')])).toEqual({ answer: 'reply', answers: [['a', 'b', 'c']] })
  expect(choose(many, both, 'a').chosen).toEqual(['b'])
})

it('nothing is sent before each question has an answer', () => {
  expect(replyOf([{ chosen: ['a'], own: '' }, noChoice])).toBeNull()
})

it('says what happens when nobody answers', () => {
  expect(defaultWords('deny')).toBe('it is denied')
  expect(defaultWords({ reply: 'go on' })).toBe('the answer is “go on”')
})
