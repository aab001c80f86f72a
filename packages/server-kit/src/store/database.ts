/** One statement at a time: parameters are `$1`, `$2`, ... and never part of the text. */
export interface Queryable {
  /** @param preparedAs keeps the statement prepared on each connection under this name, for what is sent all the time */
  query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
    preparedAs?: string,
  ): Promise<QueryResult<Row>>;
}

export interface QueryResult<Row> {
  readonly rows: readonly Row[];
  /** Rows that an INSERT, UPDATE or DELETE touched. */
  readonly affected: number;
}

/** PostgreSQL, as a server (`pg`) or embedded (`pglite`), seen by one service in its own schema and role. */
export interface Database extends Queryable {
  readonly kind: 'postgresql' | 'pglite';
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
  transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  /** A transaction that first takes the named lock, which one holder has among all replicas of the service. */
  exclusively<Result>(lock: string, work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  /** As `exclusively`, but gives up at once when another holds the lock: undefined. */
  tryExclusively<Result>(
    lock: string,
    work: (transaction: Queryable) => Promise<Result>,
  ): Promise<Result | undefined>;
  close(): Promise<void>;
}

/** The roles of one service; each name begins with the database's name. */
export interface Roles {
  readonly owner: string;
  readonly writer: string;
  readonly reader: string;
}

/** One step of a schema's history; applied once, as the schema's owner, and never edited afterwards. */
export interface Migration {
  readonly name: string;
  /** Statements; names are resolved in the service's own schema. */
  sql(roles: Roles): string;
}
