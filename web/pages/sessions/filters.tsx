import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { priorities } from '#core/priorities'
import { sessionStates } from '#core/session/states'
import { KeyCaps } from '../../parts/button.tsx'
import { countOf, sentenceCase } from '../../parts/format.ts'
import { StateMark } from '../../parts/state-mark.tsx'
import { useCommands } from '../../shell/commands.ts'
import css from './filters.module.css'
import { refine, type SessionsSearch, sorts, toggleState } from './search.ts'

const route = getRouteApi('/sessions')
const sortNames = { newest: 'Newest first', oldest: 'Oldest first', priority: 'Most urgent first' } as const
/** Typing rests for so long before it is looked for, in ms. */
const restMs = 250

type Props = { search: SessionsSearch; counts: Record<string, number> | undefined }

/** The address of the list, as things to press. */
export function Filters({ search, counts }: Props) {
  const navigate = route.useNavigate()
  const pressed = search.state?.split(',') ?? []
  return (
    <div className={css.filters}>
      <fieldset className={css.chips}>
        <legend className="sr">State</legend>
        <button
          type="button"
          aria-pressed={pressed.length === 0}
          onClick={() => navigate({ search: (now) => refine(now, { state: '' }) })}
        >
          All
        </button>
        {sessionStates.map((state) => (
          <button
            key={state}
            type="button"
            aria-pressed={pressed.includes(state)}
            data-none={counts?.[state] === 0}
            onClick={() => navigate({ search: (now) => toggleState(now, state) })}
          >
            <StateMark state={state} />
            {sentenceCase(state)} <b>{counts ? countOf(counts[state]) : ''}</b>
          </button>
        ))}
      </fieldset>
      <search className={css.words}>
        <TextFilter name="q" label="Title or id" value={search.q ?? ''} keys="/" />
        <TextFilter name="label" label="Label" value={search.label ?? ''} />
        <Pick
          label="Priority"
          value={search.priority ?? ''}
          options={[
            ['', 'Any priority'],
            ...priorities.toReversed().map((one) => [one, sentenceCase(one)] as const),
          ]}
          onChange={(priority) => navigate({ search: (now) => refine(now, { priority }) })}
        />
        <Pick
          label="Order"
          value={search.sort ?? 'newest'}
          options={sorts.map((sort) => [sort, sortNames[sort]] as const)}
          onChange={(sort) => navigate({ search: (now) => refine(now, { sort }) })}
        />
      </search>
    </div>
  )
}

type TextProps = { name: 'q' | 'label'; label: string; value: string; keys?: string }

function TextFilter({ name, label, value, keys }: TextProps) {
  const navigate = route.useNavigate()
  const [text, setText] = useState(value)
  const box = useRef<HTMLInputElement>(null)
  const find = { id: `find ${name}`, group: 'This list', title: 'Search', keyOnly: true }
  useCommands(keys === undefined ? [] : [{ ...find, keys, run: () => box.current?.focus() }])
  // Another address (back, a chip, a link) brings other words.
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text.trim() === value) return
    const rest = setTimeout(() => {
      void navigate({ search: (now) => refine(now, { [name]: text.trim() }), replace: true })
    }, restMs)
    return () => clearTimeout(rest)
  }, [text, value, name, navigate])
  return (
    <label className={css.text}>
      <span className="sr">{label}</span>
      <input
        ref={box}
        type="search"
        placeholder={label}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key, currentTarget }) => key === 'Escape' && currentTarget.blur()}
      />
      {keys !== undefined && text === '' && <KeyCaps keys={keys} />}
    </label>
  )
}

type PickProps = {
  label: string
  value: string
  options: readonly (readonly [value: string, name: string])[]
  onChange: (value: string) => void
}

function Pick({ label, value, options, onChange }: PickProps) {
  return (
    <label className={css.pick}>
      <span className="sr">{label}</span>
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
