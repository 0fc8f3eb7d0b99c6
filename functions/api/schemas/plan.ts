import * as z from 'zod'
import { Plan } from '#core/plan/plan'
import { answer, body } from '../document.ts'

body('Plan', Plan)
export const PlanView = answer('PlanView', z.object(Plan.shape))
