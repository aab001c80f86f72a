import { readdirSync, readFileSync } from 'node:fs';

const INTERVAL_MS = 250;
const TICK_MS = 10;

/** CPU time of PostgreSQL's backends of a database from now on, also of those that come and go with a pool. */
export function watchBackends(database) {
  const began = new Map(backendsOf(database).map((pid) => [pid, milliseconds(pid)]));
  const spent = new Map();
  const look = () => {
    for (const pid of backendsOf(database)) {
      const now = milliseconds(pid);
      if (now > 0) spent.set(pid, now - (began.get(pid) ?? 0));
    }
  };
  const timer = setInterval(look, INTERVAL_MS);
  return {
    /** Milliseconds. */
    end() {
      clearInterval(timer);
      look();
      return [...spent.values()].reduce((sum, one) => sum + one, 0);
    },
  };
}

/** A backend's title names its database. */
function backendsOf(database) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(` ${database} `);
    } catch {
      return false; // it has just ended
    }
  });
}

/** proc(5), fields 14 and 15 of stat; 0 for what has ended. */
function milliseconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}
