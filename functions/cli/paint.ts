const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const

export type Paint = Record<keyof typeof codes, (text: string) => string>

/** Colours, or none of them: pipes and NO_COLOR get plain text. */
export function createPaint(colour: boolean): Paint {
  const wrap = (code: number) => (text: string) => (colour && text ? `\x1b[${code}m${text}\x1b[0m` : text)
  return {
    bold: wrap(codes.bold),
    dim: wrap(codes.dim),
    red: wrap(codes.red),
    green: wrap(codes.green),
    yellow: wrap(codes.yellow),
    blue: wrap(codes.blue),
    magenta: wrap(codes.magenta),
    cyan: wrap(codes.cyan),
  }
}
