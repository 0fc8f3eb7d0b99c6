import { readTenant } from '#core/tenant/read'
import { TenantPatch } from '#core/tenant/tenant'
import { updateTenant } from '#core/tenant/update'
import { nothing } from '../definition.ts'
import { type Api, endpoint } from '../endpoint.ts'
import { ifMatch } from '../etag.ts'
import { Tenant } from '../schemas/tenant.ts'

const common = { ...nothing, scope: 'admin', tag: 'admin', path: '/api/v1/tenant', answer: Tenant } as const
const etag = ({ version }: { version: number }) => ({ etag: `"${version}"` })

/** The tenant of the key: its quotas, and what it uses of them. */
export function tenantRoutes(api: Api) {
  endpoint(api, {
    ...common,
    name: 'read_tenant',
    method: 'get',
    summary: 'Read the tenant: what it may use and what it uses',
    headers: etag,
    run: ({ services, actor }) => readTenant(services, actor),
  })
  endpoint(api, {
    ...common,
    name: 'update_tenant',
    method: 'patch',
    summary: 'Change its name or quotas; null lifts a limit. `If-Match` takes the ETag of a read',
    body: TenantPatch,
    headers: etag,
    audit: { resource: ({ actor }) => ({ kind: 'tenant', id: actor.tenant_id }) },
    run: ({ services, actor, body, request }) => updateTenant(services, actor, body, ifMatch(request)),
  })
}
