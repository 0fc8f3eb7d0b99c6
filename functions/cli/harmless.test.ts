import { describe, expect, test } from 'vitest'
import { harmless, plain } from './harmless.ts'

const esc = '\x1b'

describe('text from a log', () => {
  test('keeps its colours, also the ones of 256 and of millions', () => {
    const text = `${esc}[1;31mred${esc}[0m ${esc}[38;5;8mgrey${esc}[m ${esc}[38;2;1;5;8mrgb${esc}[39m`
    expect(harmless(text, true)).toBe(text)
    expect(harmless(text, false)).toBe('red grey rgb')
  })

  test.each([
    ['clears the screen', `a${esc}[2Jb`, 'ab'],
    ['moves the cursor', `a${esc}[10;20Hb`, 'ab'],
    ['sets the title', `a${esc}]0;owned\x07b`, 'ab'],
    ['writes the clipboard', `a${esc}]52;c;aGk=${esc}\\b`, 'ab'],
    ['makes a link', `${esc}]8;;http://x${esc}\\text${esc}]8;;${esc}\\`, 'text'],
    ['sends a device string', `a${esc}P1$r0m${esc}\\b`, 'ab'],
    ['resets the terminal', `a${esc}cb`, 'ab'],
    ['asks for the cursor', `a${esc}[6nb`, 'ab'],
    ['uses the 8-bit introducer', 'a\u009b2Jb', 'ab'],
    ['hides text', `a${esc}[8msecret${esc}[0m`, `asecret${esc}[0m`],
    ['has a string without an end', `a${esc}]0;tail`, 'a'],
    ['hides a sequence in another', `a${esc}[${esc}[2J2Jb`, 'a2Jb'],
    ['ends in an escape', `a${esc}`, 'a'],
  ])('cannot do harm when it %s', (_what, text, expected) => {
    expect(harmless(text, true)).toBe(expected)
  })

  test('shows stray control characters and turns of direction instead of obeying them', () => {
    expect(harmless('a\x07b\x08c\u202ed', true)).toBe('a\\u0007b\\u0008c\\u202ed')
  })

  test('cannot overwrite its line with a carriage return', () => {
    expect(harmless('good\rbad\r\nnext', true)).toBe('good\nbad\nnext')
  })

  test('whatever it is made of, no escape but a colour is left', () => {
    const alphabet = [esc, '[', ']', '2', ';', 'J', 'm', '\\', '\x07', '\u009b', 'P', 'x', '\r']
    let seed = 7
    const next = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return alphabet[seed % alphabet.length] ?? ''
    }
    for (let round = 0; round < 3_000; round++) {
      const text = harmless(Array.from({ length: 12 }, next).join(''), true)
      const left = text.replaceAll(new RegExp(`${esc}\\[[0-9;:]*m`, 'g'), '')
      expect(left.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    }
  })

  test('is one line in a table', () => {
    expect(plain(` a\n${esc}[31mb\tc `)).toBe('a b c')
  })
})
