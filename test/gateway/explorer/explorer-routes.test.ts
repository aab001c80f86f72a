import { describe, expect, test } from '@jest/globals';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { createExplorerRoutes } from '../../../gateway/explorer/explorer-routes.ts';

const routes = createExplorerRoutes();

function load(path: string): Promise<ServiceResponse> {
  const route = routes.find((candidate) => candidate.path === path) as Route;
  return route.handle({ path } as ServiceRequest);
}

const text = (response: ServiceResponse) => Buffer.from(response.body ?? '').toString('utf8');

describe('the explorers', () => {
  test.each(routes.map(({ path }) => path))(
    '%s is served with a policy that denies by default',
    async (path) => {
      const { status, headers } = await load(path);
      expect(status).toBe(200);
      expect(headers?.['content-security-policy']).toMatch(/^default-src 'none'; base-uri 'none'/);
      expect(headers?.['referrer-policy']).toBe('no-referrer');
    },
  );

  test('every script and style that a page names is ours and is served', async () => {
    for (const page of ['/', '/graphiql']) {
      const named = [...text(await load(page)).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
      const files = named.filter((url) => url?.startsWith('/explorer/'));
      expect(files.length).toBeGreaterThan(1);
      expect(named.filter((url) => !/^(\/|data:,)/.test(url ?? ''))).toEqual([]);
      for (const file of files) expect(routes.map(({ path }) => path)).toContain(file);
    }
  });

  test('GraphiQL may reach no other origin', async () => {
    const policy = String((await load('/graphiql')).headers?.['content-security-policy']);
    expect(policy).not.toMatch(/https?:/);
    expect(policy).toContain("script-src 'self';");
  });

  test('no page holds an inline script', async () => {
    for (const page of ['/', '/graphiql'])
      expect(text(await load(page))).not.toMatch(/<script(?![^>]*\bsrc=)/);
  });
});
