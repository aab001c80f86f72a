import type { ForeignSettings } from './foreign-settings.ts';

const MODE = ['subscription', 'mode', 'passthrough'] as const;
const OLD_PROTOCOL =
  'subscriptions-transport-ws is not spoken: the subgraph must serve graphql-transport-ws or server-sent events';

/** Why members of `subscription` have no counterpart, by the start of their path. */
export const SUBSCRIPTION_REASONS: Readonly<Record<string, string>> = {
  'subscription.mode.callback': 'streams are opened by server-sent events or WebSocket',
  'subscription.mode.passthrough': 'a quiet WebSocket is pinged every 15 s',
  subscription: 'subscriptions are configured by LIMIT_ variables',
};

/** How a router opens a subgraph's subscriptions, for its `aduana` block; undefined where it says nothing about that. */
export function importSubscriptions(
  settings: ForeignSettings,
  subgraph: string,
): Readonly<Record<string, string>> | undefined {
  const own = [...MODE, 'subgraphs', subgraph];
  const from = settings.peek(...own) === undefined ? [...MODE, 'all'] : own;
  if (settings.peek(...from) === undefined) return undefined;
  const [path, protocol = 'graphql_ws'] = [
    settings.take(...from, 'path'),
    settings.take(...from, 'protocol'),
  ];
  settings.take('subscription', 'enabled');
  if (protocol === 'graphql_ws')
    return typeof path === 'string' && path.startsWith('/')
      ? { protocol: 'graphql_ws', path }
      : { protocol: 'graphql_ws' };
  settings.leave(`${from.join('.')}.protocol of ${subgraph}`, OLD_PROTOCOL);
  return undefined;
}
