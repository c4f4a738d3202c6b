// SPDX-License-Identifier: Apache-2.0
/** What a cloud keeps of its devices, as tables: their columns, by what a row is known again, and how much of each device is kept. */

/** How a column is kept; `json` is any value, as text. */
export type ColumnType = "text" | "number" | "bytes" | "json";

export interface Table {
	/** Beside `device` and `at`, which every table has. */
	readonly columns: Readonly<Record<string, ColumnType>>;
	/** What, beside the device, tells a row from every other; absent: each row is one of its own. */
	readonly key?: readonly string[];
	/** What becomes of a row that is there already: the new one takes its place, or the old one stays. */
	readonly again?: "replace" | "keep";
	/** With "replace", columns that are empty where they are not said again; the others stay as they were. */
	readonly fresh?: readonly string[];
	/** Rows and bytes of one device; the oldest make room. */
	readonly limits: TableLimits;
}

export interface TableLimits {
	readonly rows: number;
	readonly bytes: number;
}

const MEGABYTE = 1_048_576;
const RECORD = { boot: "number", number: "number", uptime: "number" } as const;

/**
 * A device whose storage was erased counts its boots anew: what it sends twice is known by its time since boot, too.
 * Shadow documents are files of their own, as those are on the disk before a device is told that they were taken.
 */
export const TABLES = Object.freeze({
	devices: { columns: { statistics: "json" }, key: [], again: "replace", limits: { rows: 1, bytes: MEGABYTE } },
	events: { columns: { kind: "text", subject: "text", details: "json" }, limits: { rows: 2_000, bytes: MEGABYTE } },
	commands: {
		columns: {
			command: "text", payload: "json", status: "text", reason: "text", description: "text", result: "json", createdAt: "number",
		},
		key: ["command"], again: "replace", fresh: ["reason", "description"], limits: { rows: 500, bytes: 4 * MEGABYTE },
	},
	configurations: { columns: { version: "number", desired: "json", reported: "json" }, limits: { rows: 200, bytes: 2 * MEGABYTE } },
	logs: {
		columns: { ...RECORD, level: "number", module: "text", message: "text", fields: "json" },
		key: ["boot", "number", "uptime", "message"], again: "keep", limits: { rows: 20_000, bytes: 8 * MEGABYTE },
	},
	metrics: {
		columns: { ...RECORD, period: "number", wall: "number", counters: "json", gauges: "json", timers: "json" },
		key: ["boot", "number", "uptime"], again: "keep", limits: { rows: 5_000, bytes: 8 * MEGABYTE },
	},
	crashes: {
		columns: {
			boot: "number", fingerprint: "text", count: "number", reason: "text", message: "text", stack: "text", product: "text",
			version: "text", wall: "number", heap: "json", vitals: "json", logs: "json",
		},
		key: ["boot", "fingerprint", "count"], again: "keep", limits: { rows: 200, bytes: 2 * MEGABYTE },
	},
	traces: {
		columns: { ...RECORD, sent: "number", topic: "text", size: "number", content: "bytes" },
		key: ["boot", "number", "uptime", "topic"], again: "keep", limits: { rows: 5_000, bytes: 4 * MEGABYTE },
	},
	messages: {
		columns: { sent: "number", topic: "text", size: "number", content: "bytes" }, limits: { rows: 2_000, bytes: 2 * MEGABYTE },
	},
	updates: {
		columns: { job: "text", number: "number", status: "text", details: "json" },
		key: ["job", "number"], again: "replace", limits: { rows: 200, bytes: MEGABYTE },
	},
	notifications: {
		columns: { rule: "text", subject: "text", text: "text", raisedAt: "number", clearedAt: "number" },
		key: ["rule", "subject", "raisedAt"], again: "replace", limits: { rows: 1_000, bytes: MEGABYTE },
	},
} as const satisfies Readonly<Record<string, Table>>);

export type TableName = keyof typeof TABLES;

interface Values {
	readonly text: string;
	readonly number: number;
	readonly bytes: Uint8Array;
	readonly json: unknown;
}

/** A row of a table, without the columns that are empty. */
export type Row<Name extends TableName> = {
	readonly device: string;
	/** Wall clock of the cloud, ms since 1970. */
	readonly at: number;
} & { readonly [Column in keyof typeof TABLES[Name]["columns"]]?: Values[typeof TABLES[Name]["columns"][Column] & ColumnType] | undefined };
