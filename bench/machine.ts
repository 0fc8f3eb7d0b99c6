import { cpus, loadavg, totalmem } from 'node:os'

export type PostgresFacts = { version: string; fsync: string; synchronous_commit: string }

/** What a figure depends on besides the code. The load is that of the minute before. */
export function machineFacts(postgres: PostgresFacts, external: boolean) {
  const list = cpus()
  return {
    cores: list.length,
    cpu: list[0]?.model.trim() ?? 'not known',
    memory_gb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    load_before: Number(loadavg()[0]?.toFixed(2)),
    postgres: { ...postgres, server: external ? 'given (DATABASE_URL)' : 'embedded' },
  }
}

export type Machine = ReturnType<typeof machineFacts>
