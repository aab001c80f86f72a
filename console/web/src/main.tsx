import './styles/base.css';
import './styles/parts.css';
import './styles/pages.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { SessionEndedError } from './platform/failures.ts';
import { LanguageProvider } from './language/use-language.tsx';
import { ThemeProvider } from './parts/theme.tsx';
import { createPages } from './router.tsx';

const client = new QueryClient({
  defaultOptions: {
    // What fails is asked again by the interval of its query, which a page can show.
    queries: { retry: false, networkMode: 'always', refetchOnWindowFocus: false, staleTime: 2000 },
    mutations: {
      networkMode: 'always',
      onError(error) {
        if (error instanceof SessionEndedError) void client.invalidateQueries({ queryKey: ['session'] });
      },
    },
  },
});
const place = document.getElementById('page');
if (place === null) throw new TypeError('index.html has no #page');
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <ThemeProvider>
        <LanguageProvider>
          <RouterProvider router={createPages()} />
        </LanguageProvider>
      </ThemeProvider>
    </QueryClientProvider>
  </StrictMode>,
);
