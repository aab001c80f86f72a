import { createRequire } from 'node:module';
import type * as Middleware from 'graphql-middleware';
import type * as Shield from 'graphql-shield';

export interface ShieldModules {
  readonly shield: typeof Shield;
  readonly middleware: typeof Middleware;
}

/** Loads graphql-shield beside its own `util.isUndefined`, which Node 23 dropped. */
export function loadShield(): ShieldModules {
  const require = createRequire(import.meta.url);
  const util = require('node:util') as { isUndefined?: (value: unknown) => boolean };
  util.isUndefined ??= (value) => value === undefined;
  return {
    shield: require('graphql-shield') as typeof Shield,
    middleware: require('graphql-middleware') as typeof Middleware,
  };
}
