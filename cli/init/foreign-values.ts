import { mayPassOn } from '../../gateway/supergraph/header-rules.ts';
import { asTexts } from './foreign-settings.ts';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const DEFAULT_ALGORITHMS = ['RS256', 'ES256'];
const ORIGIN = /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/;

/** A port number, alone or at the end of an address such as `0.0.0.0:4000`. */
export function toPort(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  const port = /(?:^|:)(\d{1,5})$/.exec(text.slice(-64))?.[1];
  return port === undefined || Number(port) > 65_535 ? undefined : port;
}

/** A list of origins without patterns. */
export function toOrigins(value: unknown): string | undefined {
  const origins = asTexts(value).map((origin) => origin.replace(/\/$/, '').toLowerCase());
  return origins.length > 0 && origins.every((origin) => ORIGIN.test(origin)) ? origins.join(',') : undefined;
}

/** The asymmetric algorithms of a list, or the two that most issuers sign with. */
export function toAlgorithms(value: unknown): readonly string[] {
  const known = asTexts(value).filter((name) => ALGORITHMS.includes(name));
  return known.length > 0 ? known : DEFAULT_ALGORITHMS;
}

/** A header's name in lower case; undefined for one that only the gateway sets. */
export function toHeaderName(name: string): string | undefined {
  const lower = name.toLowerCase();
  return mayPassOn(lower) ? lower : undefined;
}
