// SPDX-License-Identifier: Apache-2.0
/** The SQL of one table, and how its rows become values of SQLite and back. Pure. */
import type { ColumnType, Table } from "./tables.js";

export type Value = string | number | Uint8Array | null;

const TYPES: Readonly<Record<ColumnType, string>> = Object.freeze({ text: "TEXT", number: "NUMERIC", bytes: "BLOB", json: "TEXT" });

export class Statements {
	readonly create: string;
	readonly insert: string;
	/** Rows and bytes of a device. */
	readonly measure: string;
	/** Those oldest rows of a device that are more than so many. */
	readonly prune: string;
	readonly #name: string;
	readonly #columns: readonly (readonly [name: string, type: ColumnType])[];

	constructor(name: string, { columns, key, again, fresh = [] }: Table) {
		this.#name = name;
		const own: (readonly [string, ColumnType])[] = Object.entries(columns);
		const all = this.#columns = [["device", "text"], ["at", "number"], ...own] as const;
		const names = all.map(([column]) => column), unique = key && ["device", ...key].join(", ");
		this.create = [
			`CREATE TABLE IF NOT EXISTS ${name} (id INTEGER PRIMARY KEY, ${all.map(([column, type]) => `${column} ${TYPES[type]}`).join(", ")}, bytes INTEGER${unique === undefined ? "" : `, UNIQUE (${unique})`})`,
			`CREATE INDEX IF NOT EXISTS ${name}_of_device ON ${name} (device, id, bytes)`,
		].join(";");
		const replaced = [...names, "bytes"]
			.map(column => `${column} = ${fresh.includes(column) ? `excluded.${column}` : `coalesce(excluded.${column}, ${column})`}`).join(", ");
		const conflict = unique === undefined ? "" : again === "replace" ? ` ON CONFLICT (${unique}) DO UPDATE SET ${replaced}` : ` ON CONFLICT (${unique}) DO NOTHING`;
		this.insert = `INSERT INTO ${name} (${names.join(", ")}, bytes) VALUES (${names.map(() => "?").join(", ")}, ?)${conflict}`;
		this.measure = `SELECT count(*) AS rows, coalesce(sum(bytes), 0) AS bytes FROM ${name} WHERE device = ?`;
		this.prune = `DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} WHERE device = ? ORDER BY id LIMIT ?)`;
	}

	/** The newest rows, the oldest of them first. @param wanted columns that must have these values */
	select(wanted: Readonly<Record<string, Value>>, after: number): { sql: string; values: Value[] } {
		const conditions = ["id > ?", ...Object.keys(wanted).map(column => `${column} = ?`)].join(" AND ");
		return { sql: `SELECT * FROM (SELECT * FROM ${this.#name} WHERE ${conditions} ORDER BY id DESC LIMIT ?) ORDER BY id`, values: [after, ...Object.values(wanted)] };
	}

	values(row: Readonly<Record<string, unknown>>): Value[] {
		const values = this.#columns.map(([column, type]) => stored(row[column], type));
		return [...values, values.reduce<number>((bytes, value) => bytes + sizeOf(value), 0)];
	}

	row(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
		const row: Record<string, unknown> = {};
		for (const [column, type] of this.#columns) {
			const value = values[column];
			if (value !== null) row[column] = type === "json" ? JSON.parse(value as string) : value;
		}
		return row;
	}
}

function stored(value: unknown, type: ColumnType): Value {
	if (value === undefined || value === null) return null;
	if (type === "json") return JSON.stringify(value, (_name, inner: unknown) => inner instanceof Uint8Array ? Buffer.from(inner).toString("hex") : inner);
	// SQLite's functions end a text at the first zero.
	return type === "text" ? (value as string).replaceAll("\0", "\ufffd") : value as Value;
}

function sizeOf(value: Value): number {
	return typeof value === "string" ? value.length : value instanceof Uint8Array ? value.byteLength : 8;
}
