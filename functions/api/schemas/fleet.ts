import * as z from 'zod'
import { CapabilityLoad } from '#core/fleet/capabilities'
import { History } from '#core/fleet/history'
import { Need } from '#core/fleet/needs'
import { Queues } from '#core/fleet/queues'
import { Stats } from '#core/fleet/wire'
import { answer } from '../document.ts'

export const FleetStats = answer('Stats', z.object({ ...Stats.shape, queues: Queues }))
answer('History', History)
export const CapabilityList = answer('CapabilityList', z.object({ items: z.array(CapabilityLoad) }))
export const NeedList = answer('NeedList', z.object({ items: z.array(Need) }))
