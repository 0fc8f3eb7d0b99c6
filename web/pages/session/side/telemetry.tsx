import type { Session } from '../../../api/types.ts'
import { compact, countOf, percent, span, usd } from '../../../parts/format.ts'
import { useNow } from '../../../parts/now.ts'
import type { Story } from '../feed/story.ts'
import css from './inspector.module.css'
import { outlineOf, rateOf, roundTop } from './rate.ts'
import { type Gauge, gaugesOf } from './telemetry.ts'

/** Of a limit so much is spent that it is time to look. */
const near = 0.9
const columns = 60

/** Tokens, cost against the budget, success and duration, as they grow. */
export function Telemetry({ session, story }: { session: Session; story: Story | null }) {
  const now = useNow()
  const { usage, attempts_finished, attempts_succeeded, success_rate } = session
  return (
    <section className={css.part} aria-label="Telemetry">
      <h3 className="label">Telemetry</h3>
      <dl className={css.gauges}>
        {gaugesOf(session, now).map((gauge) => (
          <GaugeRow key={gauge.name} gauge={gauge} fine={gauge.name === 'tokens' ? kindsOf(usage) : []} />
        ))}
        <div className={css.gauge}>
          <dt>Success rate</dt>
          <dd className="mono">
            {percent(success_rate)}
            {attempts_finished > 0 &&
              ` · ${countOf(attempts_succeeded)} of ${countOf(attempts_finished)} attempts`}
          </dd>
        </div>
      </dl>
      <TokenRate session={session} story={story} now={now} />
    </section>
  )
}

/** What a token was for; a kind and its number stay on one line. */
function kindsOf(usage: Session['usage']) {
  const { input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens } = usage
  return [
    `in ${compact(input_tokens)}`,
    `out ${compact(output_tokens)}`,
    `thought ${compact(reasoning_tokens)}`,
    `cache ${compact(cache_read_tokens + cache_write_tokens)}`,
  ]
}

const names: Record<string, string> = { tokens: 'Tokens', cost: 'Cost', duration: 'Duration' }

function valueText(name: string, value: number) {
  if (name === 'cost') return usd(value)
  return name === 'duration' ? span(value * 1_000) : countOf(value)
}

function GaugeRow({ gauge: { name, value, limit, ratio }, fine }: { gauge: Gauge; fine: readonly string[] }) {
  return (
    <div className={css.gauge}>
      <dt>{names[name]}</dt>
      <dd className="mono">
        {valueText(name, value)}
        {limit !== null && ` of ${valueText(name, limit)}`}
      </dd>
      {fine.length > 0 && (
        <dd className={`${css.fine} mono`}>
          {fine.map((kind) => (
            <span key={kind}>{kind}</span>
          ))}
        </dd>
      )}
      {ratio !== null && (
        <dd className={css.meter} data-near={ratio >= near}>
          <span style={{ width: `${ratio * 100}%` }} aria-hidden="true" />
          <span className="sr">{percent(ratio)} of the limit</span>
        </dd>
      )}
    </div>
  )
}

function TokenRate({ session, story, now }: { session: Session; story: Story | null; now: number }) {
  const { started_at, ended_at } = session
  if (started_at === null) return null
  const from = Date.parse(started_at)
  const to = ended_at === null ? now : Date.parse(ended_at)
  const rate = story && rateOf(story.tokens, from, Math.max(to, from + 60_000), columns)
  return (
    <div className={css.spark}>
      <h3 className="label">Tokens per minute</h3>
      {rate ? (
        <Spark rate={rate} length={Math.max(to - from, 60_000)} />
      ) : (
        <p className={css.small}>{story ? 'None reported yet.' : 'Reading the history…'}</p>
      )}
    </div>
  )
}

function Spark({ rate, length }: { rate: NonNullable<ReturnType<typeof rateOf>>; length: number }) {
  const top = roundTop(rate.top)
  const outline = outlineOf(rate, top)
  return (
    <figure aria-label={`Tokens per minute over ${span(length)}, at most ${compact(Math.round(rate.top))}`}>
      <div className={css.scale} aria-hidden="true">
        <span>{compact(top)}</span>
        <span>0</span>
      </div>
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
        <path d={`${outline}V100H0Z`} fill="var(--signal)" />
        <path
          d={outline}
          fill="none"
          stroke="var(--ink)"
          strokeWidth="1.5"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <div className={css.times} aria-hidden="true">
        <span>0</span>
        <span>{span(length / 2)}</span>
        <span>{span(length)}</span>
      </div>
    </figure>
  )
}
