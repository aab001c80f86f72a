import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** CPU time of processes and all that they started, in milliseconds (proc(5), fields 14 and 15 of stat). */
export function cpuMilliseconds(pids) {
  let ticks = 0;
  for (const pid of familyOf(pids)) {
    const fields = statOf(pid);
    if (fields !== undefined) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/**
 * Milliseconds of CPU that the threads of a process have taken: the one that answers requests, those of lower priority
 * (planning), and all others (V8 compiles and collects garbage in them, at the priority of the first).
 */
export function cpuByThread(pid) {
  const taken = { main: 0, planning: 0, others: 0 };
  const priority = niceOf(pid);
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const kind =
      Number(thread) === pid ? 'main' : niceOf(`${pid}/task/${thread}`) > priority ? 'planning' : 'others';
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
    taken[kind] += Number(nanoseconds) / 1e6;
  }
  return taken;
}

function niceOf(task) {
  return Number(statOf(task)?.[16]);
}

/** Resident memory of processes and all that they started, in MiB. */
export function residentMebibytes(pids) {
  let kibibytes = 0;
  for (const pid of familyOf(pids)) {
    try {
      kibibytes += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return kibibytes / 1024;
}

function familyOf(pids) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(entry)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const family = [];
  const waiting = [...pids];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    family.push(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return family;
}

/** The fields after the command's name: state is the first. */
function statOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  } catch {
    return undefined;
  }
}
