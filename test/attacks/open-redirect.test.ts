import { expect, test } from '@jest/globals';
import { nextPath } from '../../console/web/src/session/next-path.ts';

const ORIGIN = 'http://localhost:8090';

test.each([
  '//evil.example/x',
  '/.//evil.example/x',
  '/..//evil.example/x',
  '/\\evil.example/x',
  `${ORIGIN}//evil.example/x`,
  'https://evil.example/x',
  'javascript:alert(1)',
  'http://[',
  '/login/link?code=x',
])('a link to the login page leads nowhere but to a page of the console: %s', (next) => {
  expect(nextPath(`?${new URLSearchParams({ next }).toString()}`, ORIGIN)).toBe('/');
});

test('the page that asked for the login is shown after it', () => {
  expect(nextPath('?next=%2Frequests%3Foutcome%3DDENIED', ORIGIN)).toBe('/requests?outcome=DENIED');
  expect(nextPath('', ORIGIN)).toBe('/');
});
