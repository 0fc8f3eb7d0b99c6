import './styles/layers.css'
import './styles/fonts.css'
import './styles/tokens.css'
import './styles/base.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { access, openAccess } from './api/access.ts'
import { setBase } from './api/client.ts'
import { queryClient } from './api/query.ts'
import { readConfig } from './config.ts'
import { live } from './live/open.ts'
import { refreshOnChange } from './live/refresh.ts'
import { makeRouter } from './router.tsx'
import { ErrorBoundary } from './shell/error-screen.tsx'
import { Gate } from './shell/gate.tsx'
import { reloadWhenStale } from './shell/stale.ts'

reloadWhenStale()
const config = await readConfig()
setBase(config.api_url, config.ws_url)
openAccess(config.api_key)
// Without a key there is nothing to hear.
if (access.get().key !== null) refreshOnChange(queryClient, live())

const place = document.getElementById('root')
if (!place) throw new Error('The page has no root.')
createRoot(place).render(
  <StrictMode>
    <ErrorBoundary>
      <QueryClientProvider client={queryClient}>
        <Gate>
          <RouterProvider router={makeRouter(config)} />
        </Gate>
      </QueryClientProvider>
    </ErrorBoundary>
  </StrictMode>,
)
