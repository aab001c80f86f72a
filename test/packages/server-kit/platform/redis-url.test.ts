import { expect, test } from '@jest/globals';
import { redisServers, redisUrlProblem as problemOf } from '@aduana/server-kit/platform/redis-url';

test('one server, with login, database and TLS', () => {
  expect(redisServers('rediss://me:p%40ss@host/2')).toEqual({
    kind: 'server',
    addresses: [{ host: 'host', port: 6379 }],
    tls: true,
    username: 'me',
    password: 'p@ss',
    database: 2,
    sentinel: undefined,
  });
});

test('Sentinels name the master; its login is the URL`s, theirs are parameters', () => {
  const url =
    'redis+sentinel://me:pw@one,two:26380/mymaster/1?sentinel_username=watch&sentinel_password=s%26t';
  expect(redisServers(url)).toEqual({
    kind: 'sentinel',
    addresses: [
      { host: 'one', port: 26_379 },
      { host: 'two', port: 26_380 },
    ],
    tls: false,
    username: 'me',
    password: 'pw',
    database: 1,
    sentinel: { name: 'mymaster', username: 'watch', password: 's&t', masters: undefined },
  });
});

test('the masters that Sentinels may name are listed, with ports or without', () => {
  const url = 'rediss+sentinel://one/mymaster?masters=Redis-1,redis-2:6380,[::1]:7000';
  expect(redisServers(url).sentinel?.masters).toEqual(['redis-1', 'redis-2:6380', '[::1]:7000']);
});

test('a Cluster is known by some of its nodes', () => {
  expect(redisServers('rediss+cluster://:pw@[::1]:7000,two')).toMatchObject({
    kind: 'cluster',
    addresses: [
      { host: '::1', port: 7000 },
      { host: 'two', port: 6379 },
    ],
    tls: true,
    username: undefined,
    password: 'pw',
    database: 0,
  });
});

test.each([
  ['http://host', 'is none of redis://'],
  ['redis-sentinel://host/mymaster', 'is none of redis://'],
  ['redis://a,b', 'begins with redis+sentinel://'],
  ['redis+sentinel://a,b', 'does not name the master'],
  ['redis+sentinel://a/mymaster?sentinelMasterId=x', 'remove all but sentinel_username'],
  ['redis+sentinel://a/mymaster?masters=', 'lists masters that are no hosts'],
  ['redis+sentinel://a/mymaster?masters=redis-1,me@b', 'lists masters that are no hosts'],
  ['redis://a?masters=b', 'has a parameter'],
  ['redis://a?db=2', 'has a parameter'],
  ['redis://a/0/1', 'no number of a database'],
  ['redis+cluster://a,b/1', 'number 0 alone'],
])('%s is refused with what to do, and its text is not repeated', (url, problem) => {
  expect(problemOf(url)).toContain(problem);
  expect(problemOf(url.replace('://', '://me:hunter2@'))).not.toContain('hunter2');
});
