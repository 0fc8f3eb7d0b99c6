const place = 'reloaded-for-new-release'
/** Within this time a second failure is no new release but an outage: it is shown instead, in ms. */
const againAfterMs = 60_000
/** So long the page's own address may take to answer, in ms. */
const answerMs = 5_000

/** Whether a part that is gone may be answered by loading the page anew. */
export function mayReload(lastAt: string | null, now: number) {
  const at = Number(lastAt)
  return lastAt === null || !Number.isFinite(at) || now - at > againAfterMs
}

/** After a release the parts that an open page has not loaded yet are gone: the new page is loaded, once. */
export function reloadWhenStale() {
  window.addEventListener('vite:preloadError', ({ payload }) => {
    // By the browser's own words the router would reload at once, and in an outage lose what is on the screen.
    payload.message = `A part of this page could not be loaded. ${payload.message}`
    void reloadOnce()
  })
}

/** In an outage the page's address does not answer either: then what is shown stays. */
async function reloadOnce() {
  const signal = AbortSignal.timeout(answerMs)
  const page = await fetch('/', { method: 'HEAD', cache: 'no-store', signal }).catch(() => null)
  if (!page?.ok) return
  try {
    if (!mayReload(sessionStorage.getItem(place), Date.now())) return
    sessionStorage.setItem(place, String(Date.now()))
  } catch {
    // Without storage the bound cannot be kept: better the error than a loop.
    return
  }
  location.reload()
}
