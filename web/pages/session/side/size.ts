/** 812 B, 47.1 kB, 3.2 MB. */
export function sizeText(bytes: number) {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 999_950) return `${(bytes / 1_000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
