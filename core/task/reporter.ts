import type { Database } from '#core/database/database'
import { gather } from '#core/database/gather'
import { type Report, type Reported, reportStatement } from './report.sql.ts'

export type Reporter = (tenant_id: string, report: Report) => Promise<Reported | 'refused'>

/** Reports of one tenant share the next flight; two of one session take turns, since both move its last seq. */
export function reporter(database: Database): Reporter {
  const lanes = new Map<string, (report: Report) => Promise<Reported | 'refused'>>()
  return (tenant_id, report) => {
    const lane =
      lanes.get(tenant_id) ??
      gather<Report, Reported | 'refused'>({
        run: async (reports) => {
          const rows = await database.query<Reported>(tenant_id, reportStatement(reports))
          const won = new Map(rows.map((row) => [row.task_id, row]))
          return reports.map(({ task_id }) => won.get(task_id) ?? 'refused')
        },
        key: ({ session_id }) => session_id,
        max: 100,
      })
    lanes.set(tenant_id, lane)
    return lane(report)
  }
}
