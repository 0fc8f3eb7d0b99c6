import { describe, expect, test } from 'vitest'
import { repositoryFault } from './repository.ts'

const cloud = { reach: 'public', roots: [] } as const
const machine = { reach: 'any', roots: ['/home/me/work'] } as const
const fault = (url: string, { reach, roots }: { reach: 'public' | 'any'; roots: readonly string[] }) =>
  repositoryFault(url, { reach, roots: [...roots] })

describe('a repository that may be worked on', () => {
  test.each([
    'https://git.example.com/a.git',
    'ssh://git@git.example.com:2222/a',
    'git@git.example.com:me/a.git',
  ])('%s, everywhere', (url) => {
    expect(fault(url, cloud)).toBeNull()
    expect(fault(url, machine)).toBeNull()
  })

  test.each([
    '/home/me/work/a',
    'file:///home/me/work/a',
    'http://127.0.0.1:3000/a',
    'git@192.168.1.2:a',
    'git://host/a',
  ])('%s, on one machine only', (url) => {
    expect(fault(url, cloud)).not.toBeNull()
    expect(fault(url, machine)).toBeNull()
  })

  test.each([
    ...['/home/me/workshop', '/home/me/work/../.ssh', 'file:///etc', 'file:///home/me/work/%2e%2e/x', '/'],
    ...[
      'ext::sh -c touch% /tmp/x',
      'fd::17',
      '--upload-pack=touch /tmp/x',
      '-u./x',
      'ssh://-oProxyCommand=x/a',
    ],
    ...['git@-oProxyCommand=x:a', 'relative/path', 'transport::address', 'javascript:alert(1)'],
  ])('%s, nowhere', (url) => {
    expect(fault(url, cloud)).not.toBeNull()
    expect(fault(url, machine)).not.toBeNull()
  })

  test.each([
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00:ec2::254]/',
    'https://2852039166/',
    'ssh://git@10.0.0.1/a',
    'git@localhost:a',
    'https://metadata.google.internal/a',
  ])('%s, not in the cloud', (url) => {
    expect(fault(url, cloud)).toMatch(/must not lead/)
  })
})
