import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import type { Config } from './config.ts'
import { readAgentsSearch } from './pages/agents/search.ts'
import { readOverviewSearch } from './pages/overview/search.ts'
import { readSessionSearch } from './pages/session/search.ts'
import { readSessionsSearch } from './pages/sessions/search.ts'
import { readTasksSearch } from './pages/tasks/search.ts'
import { ErrorScreen } from './shell/error-screen.tsx'
import { NotFound } from './shell/not-found.tsx'
import { Shell } from './shell/shell.tsx'

/** The places of the dashboard. What a page shows is in its address: filters, selection, place. */
export function makeRouter({ environment, api_url }: Config) {
  const root = createRootRoute({
    component: () => <Shell environment={environment} api={new URL(api_url).host} />,
  })
  const at = { getParentRoute: () => root }
  const routes = [
    createRoute({
      ...at,
      path: '/',
      validateSearch: readOverviewSearch,
      component: lazyRouteComponent(() => import('./pages/overview/page.tsx'), 'OverviewPage'),
    }),
    createRoute({
      ...at,
      path: '/sessions',
      validateSearch: readSessionsSearch,
      component: lazyRouteComponent(() => import('./pages/sessions/page.tsx'), 'SessionsPage'),
    }),
    createRoute({
      ...at,
      path: '/sessions/$id',
      validateSearch: readSessionSearch,
      component: lazyRouteComponent(() => import('./pages/session/page.tsx'), 'SessionPage'),
    }),
    createRoute({
      ...at,
      path: '/agents',
      validateSearch: readAgentsSearch,
      component: lazyRouteComponent(() => import('./pages/agents/page.tsx'), 'AgentsPage'),
    }),
    createRoute({
      ...at,
      path: '/tasks',
      validateSearch: readTasksSearch,
      component: lazyRouteComponent(() => import('./pages/tasks/page.tsx'), 'TasksPage'),
    }),
  ] as const
  return createRouter({
    routeTree: root.addChildren(routes),
    defaultPreload: 'intent',
    defaultErrorComponent: ErrorScreen,
    defaultNotFoundComponent: NotFound,
    defaultPendingMs: 300,
    scrollRestoration: true,
    scrollRestorationBehavior: 'instant',
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
