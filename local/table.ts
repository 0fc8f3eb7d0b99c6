/** Rows as aligned columns with a line under the head. The last column may be as long as it likes. */
export const renderTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === head.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
  const rule = widths.map((width, column) => '─'.repeat(column === head.length - 1 ? 24 : width)).join('  ')
  return [line(head), rule, ...rows.map(line)].map((text) => `  ${text.trimEnd()}`).join('\n')
}
