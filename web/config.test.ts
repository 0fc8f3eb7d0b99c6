import { expect, test } from 'vitest'
import { configOf } from './config.ts'

test('a config.json says where the API is; what it leaves out is as with npm start', () => {
  expect(
    configOf({ api_url: 'https://api.example.com/api/v1/', environment: 'eu / staging', more: 1 }),
  ).toEqual({
    api_url: 'https://api.example.com/api/v1',
    ws_url: null,
    api_key: null,
    environment: 'eu / staging',
  })
  expect(configOf({ api_key: 'oio_x' }).api_key).toBe('oio_x')
  expect(configOf('<!doctype html>').api_url).toBe('http://localhost:8000/api/v1')
  expect(configOf({ api_url: 7 }).api_url).toBe('http://localhost:8000/api/v1')
})
