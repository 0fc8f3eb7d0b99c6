/** The product's mark: two units of work on a plate. */
export function Mark() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M0 0h20v20H0z" fill="currentColor" />
      <path d="M4 4h5v12H4zM11 4h5v5h-5z" fill="var(--signal)" />
    </svg>
  )
}
