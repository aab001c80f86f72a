/** What a path below `/tile/` asks for (c2sp.org/tlog-tiles). */
export interface TilePath {
  /** `entries` holds the leaves themselves. */
  readonly level: number | 'entries';
  readonly index: number;
  /** 256 for a full tile. */
  readonly width: number;
}

const PATH = /^(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** @param path what follows `/tile/`, as `0/x001/x234/067` or `entries/000.p/17`; undefined for anything else */
export function parseTilePath(path: string): TilePath | undefined {
  const [, level, digits, width] = PATH.exec(path) ?? [];
  if (level === undefined || digits === undefined || digits.startsWith('x000')) return undefined;
  if (width !== undefined && Number(width) > 255) return undefined;
  return {
    level: level === 'entries' ? 'entries' : Number(level),
    index: Number(digits.replaceAll(/[x/]/g, '')),
    width: width === undefined ? 256 : Number(width),
  };
}

/** What follows `/tile/`: what `parseTilePath` reads. */
export function formatTilePath({ level, index, width }: TilePath): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/\d{3}/g) ?? [];
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `${String(level)}/${name}${width === 256 ? '' : `.p/${String(width)}`}`;
}
