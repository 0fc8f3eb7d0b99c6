import type { Parts } from './apart.ts'
import { runHttp } from './http.ts'
import { runLive } from './live.ts'
import { runRequests } from './requests.ts'

const parts: Parts = { http: runHttp, api: runRequests, live: runLive }
const [, , name = '', options = '{}'] = process.argv
const isPart = (text: string): text is keyof Parts => text in parts
if (!isPart(name)) throw new Error(`There is no part "${name}".`)

const figures = await parts[name](JSON.parse(options))
process.send?.(JSON.stringify(figures), () => process.exit(0))
