// SPDX-License-Identifier: Apache-2.0
/**
 * What a cloud keeps of its devices, in one file of SQLite, bounded for each device and kind.
 *
 * Rows are written together, a moment after they were made: the broker, which lives in the same process, waits for the
 * disk some times a second at most. A process that is killed loses that moment; what was written stays whole.
 */
import { rmdirSync } from "node:fs";
import { createRequire } from "node:module";
import type { BindValues, Database, Statement } from "node-sqlite3-wasm";
import { DeviceError } from "../../../src/base/error.js";
import { Statements, type Value } from "./statements.js";
import { type Row, type Table, type TableLimits, type TableName, TABLES } from "./tables.js";

export interface StoresOptions {
	/** Absent: in memory, until the cloud ends. One process at a time may have it. */
	file?: string | undefined;
	/** Rows and bytes of one device, where the default is too much or too little. */
	limits?: { readonly [Name in TableName]?: Partial<TableLimits> } | undefined;
	/** ms from a row to its file. Default: 200. */
	delay?: number | undefined;
	/** Rows could not be written, and are lost. */
	onFailure?: ((error: DeviceError) => void) | undefined;
}

export interface ListOptions {
	/** Columns that have these values. */
	readonly where?: Readonly<Record<string, string | number>> | undefined;
	/** The newest so many. */
	readonly limit?: number | undefined;
}

// Its module is one of CommonJS whose exports cannot be seen from outside.
const sqlite = createRequire(import.meta.url)("node-sqlite3-wasm") as typeof import("node-sqlite3-wasm");
const VERSION = 1;
const DELAY = 200;
/** Rows that wait; more are written at once. */
const PENDING_MAXIMUM = 500;
/** Of a table that is full this part makes room, so that not every row has to. */
const PRUNED_PART = 0.1;
/** Measures that are remembered; more and they are taken anew. */
const MEASURES_MAXIMUM = 50_000;
export const LIST_MAXIMUM = 100_000;

interface Measure { rows: number; bytes: number }
interface Opened { readonly table: Table; readonly limits: TableLimits; readonly statements: Statements; readonly insert: Statement }
interface Pending { readonly name: TableName; readonly device: string; readonly values: Value[] }

export class Stores {
	/** Runs when a row is made, before it is written. */
	onAdded: (<Name extends TableName>(name: Name, row: Row<Name>) => void) | undefined;
	readonly #database: Database;
	readonly #tables = new Map<TableName, Opened>();
	readonly #delay: number;
	readonly #onFailure: ((error: DeviceError) => void) | undefined;
	readonly #measures = new Map<string, Measure>();
	#pending: Pending[] = [];
	#timer: NodeJS.Timeout | undefined;

	/** @throws DeviceError `storage`; `corrupt` for a file that is none of ours or of a later version */
	constructor({ file, limits = {}, delay = DELAY, onFailure }: StoresOptions = {}) {
		this.#delay = delay;
		this.#onFailure = onFailure;
		if (file !== undefined) removeStaleLock(file);
		const database = this.#database = open(file);
		try {
			this.#prepare(limits);
		} catch (error) {
			database.close();
			throw new DeviceError("corrupt", `${file ?? "the database"} is not one of ours: ${messageOf(error)}`, { cause: error });
		}
	}

	/** Keeps a row; what does not fit any more makes room. */
	add<Name extends TableName>(name: Name, row: Row<Name>): void {
		this.#pending.push({ name, device: row.device, values: this.#tables.get(name)!.statements.values(row) });
		this.onAdded?.(name, row);
		if (this.#pending.length >= PENDING_MAXIMUM) this.flush();
		else this.#timer ??= setTimeout(() => { this.flush(); }, this.#delay);
	}

	/** The oldest first. */
	list<Name extends TableName>(name: Name, { where = {}, limit = LIST_MAXIMUM }: ListOptions = {}): Row<Name>[] {
		this.flush();
		const { statements } = this.#tables.get(name)!, { sql, values } = statements.select(where, 0);
		return this.#database.all(sql, [...values, limit]).map(each => statements.row(each) as unknown as Row<Name>);
	}

	/** Writes what waits. */
	flush(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const pending = this.#pending;
		if (pending.length === 0) return;
		this.#pending = [];
		try {
			this.#database.exec("BEGIN IMMEDIATE");
			for (const each of pending) this.#write(each);
			this.#database.exec("COMMIT");
		} catch (error) {
			this.#measures.clear();
			if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
			this.#onFailure?.(new DeviceError("storage", `cannot keep ${pending.length} records: ${messageOf(error)}`, { cause: error }));
		}
	}

	close(): void {
		this.flush();
		this.#database.close();
	}

	#prepare(limits: NonNullable<StoresOptions["limits"]>): void {
		const database = this.#database, { user_version: version } = database.get("PRAGMA user_version") as { user_version: number };
		if (version > VERSION) throw new DeviceError("corrupt", `version ${version}`);
		// A killed process loses nothing by this, a laptop without power perhaps the last rows.
		database.exec("PRAGMA synchronous = NORMAL");
		database.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${VERSION}; COMMIT`);
		for (const name of Object.keys(TABLES) as TableName[]) {
			const table: Table = TABLES[name], statements = new Statements(name, table);
			database.exec(statements.create);
			this.#tables.set(name, { table, limits: { ...table.limits, ...limits[name] }, statements, insert: database.prepare(statements.insert) });
		}
	}

	#write({ name, device, values }: Pending): void {
		const { table, limits, insert } = this.#tables.get(name)!;
		const known = table.again === "replace" ? undefined : this.#known(name, device);
		if (insert.run(values as BindValues).changes === 0) return;
		if (known !== undefined) {
			known.rows++;
			known.bytes += values.at(-1) as number;
		}
		const measure = known ?? this.#measure(name, device);
		if (measure.rows > limits.rows || measure.bytes > limits.bytes) this.#prune(name, device, measure);
	}

	/** What a device has in a table. */
	#measure(name: TableName, device: string): Measure {
		return this.#database.get(this.#tables.get(name)!.statements.measure, [device]) as unknown as Measure;
	}

	/** The same, counted along where it is known. */
	#known(name: TableName, device: string): Measure {
		const key = `${name}/${device}`, known = this.#measures.get(key) ?? this.#measure(name, device);
		if (this.#measures.size >= MEASURES_MAXIMUM) this.#measures.clear();
		this.#measures.set(key, known);
		return known;
	}

	#prune(name: TableName, device: string, measure: Measure): void {
		const { limits, statements } = this.#tables.get(name)!;
		while (measure.rows > 0 && (measure.rows > limits.rows || measure.bytes > limits.bytes)) {
			const surplus = Math.max(measure.rows - limits.rows, Math.ceil(PRUNED_PART * measure.rows));
			this.#database.run(statements.prune, [device, surplus]);
			Object.assign(measure, this.#measure(name, device));
		}
	}
}

function open(file: string | undefined): Database {
	try {
		return new sqlite.Database(file);
	} catch (error) {
		throw new DeviceError("storage", `cannot open ${file ?? "a database"}: ${messageOf(error)}`, { cause: error });
	}
}

/** The lock is a directory, which a process that was killed leaves behind. */
function removeStaleLock(file: string): void {
	try {
		rmdirSync(`${file}.lock`);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "ENOENT") throw new DeviceError("storage", `cannot unlock ${file}: ${code}`, { cause: error });
	}
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
