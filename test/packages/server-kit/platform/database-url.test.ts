import { expect, test } from '@jest/globals';
import {
  databaseNameOf,
  databaseServers,
  databaseUrlProblem as problemOf,
  databaseUserOf,
} from '@aduana/server-kit/platform/database-url';

test('one server is reached by the URL as it was written', () => {
  const url = 'postgres://me:p%40ss@host:5432/db?sslmode=verify-full';
  expect(databaseServers(url)).toEqual({ urls: [url], session: 'any', connectTimeoutMilliseconds: 3000 });
});

test('several hosts are tried in their order, each with its port, for the one that takes writes', () => {
  const servers = databaseServers('postgresql://me:s,e@one,two:6432,[::1]:5433/db?sslmode=require');
  expect(servers.session).toBe('read-write');
  expect(servers.urls).toEqual([
    'postgresql://me:s,e@one/db?sslmode=require',
    'postgresql://me:s,e@two:6432/db?sslmode=require',
    'postgresql://me:s,e@[::1]:5433/db?sslmode=require',
  ]);
});

test('what libpq calls target_session_attrs and connect_timeout is obeyed, and not passed to the driver', () => {
  const servers = databaseServers('postgres://a,b/db?target_session_attrs=primary&connect_timeout=2');
  expect(servers).toEqual({
    urls: ['postgres://a/db', 'postgres://b/db'],
    session: 'primary',
    connectTimeoutMilliseconds: 2000,
  });
});

test('database and user are those of any host', () => {
  expect(databaseNameOf('postgres://me@a:1,b:2/the%20db')).toBe('the db');
  expect(databaseNameOf('postgres://me@a,b')).toBe('me');
  expect(databaseUserOf('postgres://m%65@a,b/db')).toBe('me');
});

test.each([
  ['mysql://host/db', 'is no URL that begins with postgres://'],
  ['postgres://a:1,b:x/db', 'is no URL'],
  ['postgres://a,,b/db', 'is no URL'],
  [`postgres://${Array(17).fill('a').join(',')}/db`, 'is no URL'],
  ['postgres://a/db?options=-csearch_path%3Dx', 'a parameter that is not understood'],
  ['postgres://a/db?load_balance_hosts=random', 'a parameter that is not understood'],
  ['postgres:///db?host=a,b', 'several hosts as a parameter'],
  ['postgres://a,b/db?target_session_attrs=any', 'may take no writes'],
  ['postgres://a,b/db?target_session_attrs=prefer-standby', 'may take no writes'],
  ['postgres://a/db?target_session_attrs=standby', 'may take no writes'],
  ['postgres://a/db?connect_timeout=0', 'no whole number of 1 to 10'],
])('%s is refused with what to do, and its text is not repeated', (url, problem) => {
  expect(problemOf(url)).toContain(problem);
  expect(problemOf(url.replace('://', '://me:hunter2@'))).not.toContain('hunter2');
});
