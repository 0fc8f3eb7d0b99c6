import { TenantPatch, Tenant as TenantView } from '#core/tenant/tenant'
import { answer, body } from '../document.ts'

body('TenantPatch', TenantPatch)
export const Tenant = answer('Tenant', TenantView)
