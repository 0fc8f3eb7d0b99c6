import { afterAll, describe, expect, it } from 'vitest'
import { defaultTenant } from '#core/actor'
import { keepAdminKey } from '#core/key/admin'
import { createKey } from '#core/key/create'
import { keyOfToken } from '#core/key/identify'
import { listKeys, readKey } from '#core/key/read'
import { revokeKey } from '#core/key/revoke'
import { newToken } from '#core/key/token'
import { makeIdentify } from '#functions/api/auth'
import { testDatabase } from '../database.ts'
import { openPlant } from '../plant.ts'

const { url } = await testDatabase()
const plant = openPlant(url)
afterAll(() => plant.close())
const { database } = plant.services
const lookup = (token: string) => keyOfToken(database, token)
const newOne = () => newToken(defaultTenant).token

describe('the admin key of a secret', () => {
  it('lets in as the tenant that it names, however often it is kept', async () => {
    const token = newOne()
    const all = await Promise.all(Array.from({ length: 3 }, () => keepAdminKey({ url, token })))
    expect(all).toEqual(['kept', 'kept', 'kept'])
    expect(await lookup(token)).toMatchObject({ tenant_id: defaultTenant, scopes: ['admin'] })
    const { items } = await listKeys(plant.services, plant.operator, { limit: 10, before: null })
    expect(items).toHaveLength(1)
  })

  it('takes the place of the former one, and of no other key', async () => {
    const [before, after] = [newOne(), newOne()]
    const other = await createKey(plant.services, plant.operator, {
      name: 'CI',
      scopes: ['admin'],
      expires_at: null,
    })
    await keepAdminKey({ url, token: before })
    await keepAdminKey({ url, token: after })
    expect(await lookup(before)).toBeNull()
    expect(await lookup(after)).not.toBeNull()
    expect(await lookup(other.token)).not.toBeNull()
  })

  it('leaves that of another name, as of another data folder on this database', async () => {
    const [here, there, next] = [newOne(), newOne(), newOne()]
    await keepAdminKey({ url, token: here, name: 'local a' })
    await keepAdminKey({ url, token: there, name: 'local b' })
    await keepAdminKey({ url, token: next, name: 'local b' })
    await keepAdminKey({ url, token: here, name: 'local a' })
    expect(await lookup(here)).not.toBeNull()
    expect(await lookup(there)).toBeNull()
    expect(await lookup(next)).not.toBeNull()
  })

  it('that was revoked stays revoked, and that is said', async () => {
    const token = newOne()
    await keepAdminKey({ url, token })
    const holder = await lookup(token)
    await revokeKey(plant.services, plant.operator, holder?.id ?? '')
    expect(await keepAdminKey({ url, token })).toBe('revoked')
    expect(await lookup(token)).toBeNull()
  })

  it('is refused when it is no key, or of no tenant', async () => {
    await expect(keepAdminKey({ url, token: 'a long secret that is no key' })).rejects.toThrow('key new')
    const { token } = newToken('ten_00000000000000000000000009')
    await expect(keepAdminKey({ url, token })).rejects.toThrow('api_key_tenant_id_fkey')
  })
})

describe('a key', () => {
  const start = Date.now()
  const wanted = { name: 'short', scopes: ['sessions:read' as const] }

  it('that was revoked lets nobody in after 5 s', async () => {
    let now = start
    const identify = makeIdentify(() => now)
    const { key, token } = await createKey(plant.services, plant.operator, { ...wanted, expires_at: null })
    const call = () => identify(database, `Bearer ${token}`)
    expect(await call()).toMatchObject({ kind: 'key', actor: { who: { key_id: key.id, name: 'short' } } })
    await revokeKey(plant.services, plant.operator, key.id)
    now = start + 4_999
    expect(await call()).toMatchObject({ kind: 'key' })
    now = start + 5_000
    await expect(call()).rejects.toMatchObject({ code: 'unauthorized' })
  })

  it('that has an end ends then, though it was seen a moment ago', async () => {
    let now = start
    const identify = makeIdentify(() => now)
    const expires_at = new Date(start + 60_000).toISOString()
    const { token } = await createKey(plant.services, plant.operator, { ...wanted, expires_at })
    now = start + 59_000
    await identify(database, `Bearer ${token}`)
    await plant.engine.query(null, {
      name: '',
      text: `update api_key set expires_at = now() where name = 'short' and expires_at is not null`,
      values: [],
    })
    now = start + 59_999
    await identify(database, `Bearer ${token}`)
    now = start + 60_000
    await expect(identify(database, `Bearer ${token}`)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  it('notes its use once a minute, also where several look it up at once', async () => {
    const { key, token } = await createKey(plant.services, plant.operator, { ...wanted, expires_at: null })
    const used = async () => (await readKey(plant.services, plant.operator, key.id)).last_used_at
    expect(await used()).toBeNull()
    await Promise.all(Array.from({ length: 4 }, () => lookup(token)))
    const first = await used()
    expect(first).not.toBeNull()
    await lookup(token)
    expect(await used()).toBe(first)
    const text = `update api_key set last_used_at = now() - interval '61 s' where id = $1 returning last_used_at`
    await plant.engine.query(null, { name: '', text, values: [key.id] })
    await lookup(token)
    expect(Date.parse((await used()) ?? '')).toBeGreaterThanOrEqual(Date.parse(first ?? ''))
  })

  it('is looked up once in 5 s, however often it calls', async () => {
    const { token } = await createKey(plant.services, plant.operator, { ...wanted, expires_at: null })
    let asked = 0
    const counted: typeof database = {
      ...database,
      query: (tenant_id, statement) => {
        asked += statement.name === 'key_of_token' ? 1 : 0
        return database.query(tenant_id, statement)
      },
    }
    const identify = makeIdentify()
    for (let i = 0; i < 50; i++) await identify(counted, `Bearer ${token}`)
    expect(asked).toBe(1)
  })
})
