/** What a time stamp says; who says so is not verified here. */
export interface Timestamp {
  /** SHA-256 of what is stamped. */
  readonly digest: Buffer;
  /** RFC 3339. */
  readonly time: string;
}

interface Element {
  readonly tag: number;
  readonly contents: Buffer;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OID = 0x06;
const GENERALIZED_TIME = 0x18;
const CONTEXT_0 = 0xa0;
/** Bytes: the longest answer that the log takes from an authority. */
const LONGEST_RESPONSE = 65_536;
const SHA256 = '608648016503040201';

/** Reads a `TimeStampResp` that was granted, over SHA-256 (RFC 3161 section 2.4.2); undefined for anything else. */
export function readTimestamp(response: Buffer): Timestamp | undefined {
  if (response.length > LONGEST_RESPONSE) return undefined;
  const [status, token] = inside(only(response, SEQUENCE));
  const [code] = inside(status);
  if (code?.tag !== INTEGER || code.contents.length !== 1 || (code.contents[0] ?? 9) > 1) return undefined;
  const [, content] = inside(token);
  const [signedData] = inside(content, CONTEXT_0);
  const [, algorithms, encapsulated] = inside(signedData);
  if (algorithms?.tag !== SET) return undefined;
  const [, wrapped] = inside(encapsulated);
  const [octets] = inside(wrapped, CONTEXT_0);
  if (octets?.tag !== OCTET_STRING) return undefined;
  const [, , imprint, , time] = inside(only(octets.contents, SEQUENCE));
  const [algorithm, hashed] = inside(imprint);
  const [name] = inside(algorithm);
  const moment = timeOf(time);
  if (name?.tag !== OID || name.contents.toString('hex') !== SHA256) return undefined;
  return hashed?.tag === OCTET_STRING && moment !== undefined
    ? { digest: hashed.contents, time: moment }
    : undefined;
}

/** A DER GeneralizedTime, `20260102030405.678Z`. */
function timeOf(element: Element | undefined): string | undefined {
  if (element?.tag !== GENERALIZED_TIME) return undefined;
  const text = element.contents.toString('latin1');
  const [, year, month, day, hour, minute, rest] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d(?:\.\d{1,9})?)Z$/.exec(text) ?? [];
  return year === undefined
    ? undefined
    : `${year}-${String(month)}-${String(day)}T${String(hour)}:${String(minute)}:${String(rest)}Z`;
}

function only(bytes: Buffer, tag: number): Element | undefined {
  const [element, ...others] = elementsOf(bytes);
  return element?.tag === tag && others.length === 0 ? element : undefined;
}

/** The elements in a constructed one; none where it is another. */
function inside(element: Element | undefined, tag = SEQUENCE): readonly Element[] {
  return element?.tag === tag ? elementsOf(element.contents) : [];
}

/** DER elements one after the other; none where they do not fit. */
function elementsOf(bytes: Buffer): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const [tag, first] = [bytes[at] ?? 0, bytes[at + 1] ?? 0xff];
    const lengthBytes = first < 0x80 ? 0 : first - 0x80;
    const start = at + 2 + lengthBytes;
    if (lengthBytes > 4 || start > bytes.length) return [];
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    if (first === 0x80 || start + length > bytes.length) return [];
    elements.push({ tag, contents: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}
