import type { Socket } from 'node:net';
import { RespFrames, type RespPart } from './resp-frames.ts';

/** A command that was sent, and how many answers are still to come: a subscription has one for each channel. */
interface Asked {
  readonly name: string;
  answers: number;
}

const COMMAND = /^\*(\d+)\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n(\w+)\r\n)?/;
const LONGEST_COMMAND_HEAD = 128;
const REDIRECTION = /^(MOVED|ASK) \d{1,5} \S*:\d{1,5}$/;
const SLOTS = 16_384;

/**
 * Lets through to ioredis whole replies of a form that it and we expect, each after a command that asked for it, and messages
 * of channels. It does not survive others: some end the process, and the length of none is bounded. With anything else the
 * connection ends, and the client connects anew in its own time.
 */
export function guardReplies<Stream extends Socket>(socket: Stream): Stream {
  const asked: Asked[] = [];
  const frames = new RespFrames((parts) => {
    checkFrame(parts, asked);
  });
  const write = socket.write.bind(socket) as (...parameters: unknown[]) => boolean;
  socket.write = (...parameters: unknown[]): boolean => {
    asked.push(readCommand(parameters[0] as Buffer | string));
    return write(...parameters);
  };
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean;
  socket.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'data') return emit(event, ...values);
    if (socket.destroyed) return false;
    try {
      const whole = frames.take(values[0] as Buffer);
      return whole.length > 0 && emit('data', whole);
    } catch (error) {
      socket.destroy(error as Error);
      return false;
    }
  };
  return socket;
}

/** ioredis writes each command by itself. */
function readCommand(written: Buffer | string): Asked {
  const head =
    typeof written === 'string'
      ? written.slice(0, LONGEST_COMMAND_HEAD)
      : written.toString('latin1', 0, LONGEST_COMMAND_HEAD);
  const [, count = '1', first = '', second = ''] = COMMAND.exec(head) ?? [];
  const name = first.toLowerCase();
  if (name === 'subscribe') return { name, answers: Math.max(1, Number(count) - 1) };
  return { name: name === 'cluster' ? `cluster ${second.toLowerCase()}` : name, answers: 1 };
}

/** @throws RangeError for what nobody asked for, or not in this form */
function checkFrame(parts: readonly RespPart[], asked: Asked[]): void {
  if (isMessage(parts)) return;
  const [command] = asked;
  if (command === undefined) throw new RangeError('Redis sent what nobody asked for');
  if (!isAnswer(parts, command.name)) throw new RangeError(`Redis sent what is no answer to ${command.name}`);
  command.answers -= parts[0]?.mark === '-' ? command.answers : 1;
  if (command.answers === 0) asked.shift();
}

function isText({ mark }: RespPart): boolean {
  return mark === '$' || mark === '+';
}

/** Of RESP3: in RESP2 it could be the answer to a command. */
function isMessage([holder, kind, ...rest]: readonly RespPart[]): boolean {
  return holder?.mark === '>' && kind?.text === 'message' && rest.length === 2 && rest.every(isText);
}

function isAnswer(parts: readonly RespPart[], name: string): boolean {
  const [first, ...rest] = parts;
  if (first === undefined) return false;
  if (first.mark === '-') return !/^(MOVED|ASK)\b/.test(first.text) || REDIRECTION.test(first.text);
  if (name === 'subscribe') return isSubscribed(parts);
  if (first.mark === '>') return false;
  if (name === 'info' || name === 'cluster info') return first.mark === '$' || first.mark === '=';
  if (name === 'cluster slots') return first.mark === '*' && areSlots(rest, first.number);
  return true;
}

function isSubscribed([holder, kind, channel, count]: readonly RespPart[]): boolean {
  const isPush = holder?.mark === '>' && kind?.text === 'subscribe';
  return isPush && channel !== undefined && isText(channel) && count?.mark === ':';
}

/** Ranges of slots, each with the address and port of its nodes, as ioredis goes through them. */
function areSlots(parts: readonly RespPart[], ranges: number): boolean {
  let at = 0;
  const next = (mark: string): RespPart | undefined => {
    const part = parts[at];
    at += 1;
    return part?.mark === mark ? part : undefined;
  };
  for (let range = 0; range < ranges; range += 1) {
    const nodes = (next('*')?.number ?? 0) - 2;
    const [from, to] = [next(':')?.number ?? SLOTS, next(':')?.number ?? SLOTS];
    if (nodes < 0 || from < 0 || from > to || to >= SLOTS) return false;
    for (let node = 0; node < nodes; node += 1) {
      const size = next('*')?.number ?? 0;
      const host = parts[at];
      at += 1;
      const port = next(':');
      if (size < 2 || host === undefined || !(isText(host) || host.mark === '_') || port === undefined)
        return false;
      at = skipped(parts, at, size - 2);
    }
  }
  return at === parts.length;
}

/** Where the values after these begin. */
function skipped(parts: readonly RespPart[], from: number, values: number): number {
  let at = from;
  for (let left = values; left > 0 && at < parts.length; left -= 1, at += 1) {
    const { mark = '', number = 0 } = parts[at] ?? {};
    if (mark === '*') left += number;
    if (mark === '%') left += 2 * number;
  }
  return at;
}
