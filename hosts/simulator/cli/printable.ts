// SPDX-License-Identifier: Apache-2.0
/** Text for a terminal: what devices say is shown, and never obeyed. */

/** Control characters of both sets but for the line feed, and those that reverse the direction of what follows. */
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Several lines. */
export function printable(text: string): string {
	return text.replace(CONTROLS, character => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** One line. */
export function printableLine(text: string): string {
	return printable(text.replaceAll("\n", "\\n"));
}

/** A value as JSON in one line, which is the same JSON with what a terminal would obey escaped. */
export function printableJSON(value: unknown): string {
	return JSON.stringify(value).replace(CONTROLS, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Wall clock in UTC, to the second; it sorts as text. */
export function time(at: number | undefined): string {
	return at === undefined ? "" : `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** The two largest units of a duration in ms. */
export function span(milliseconds: number): string {
	const seconds = Math.floor(milliseconds / 1_000), units = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]] as const;
	const first = units.findIndex(([size]) => seconds >= size);
	if (first < 0) return "0s";
	const [[size, unit], next] = [units[first]!, units[first + 1]], rest = seconds % size;
	return `${Math.floor(seconds / size)}${unit}${next === undefined ? "" : ` ${Math.floor(rest / next[0])}${next[1]}`}`;
}

/**
 * Columns as wide as what is in them, so that scripts may cut at the titles; on a terminal lines end where it ends.
 * @param width of the terminal
 */
export function table(titles: readonly string[], rows: readonly (readonly string[])[], width = process.stdout.isTTY ? process.stdout.columns : Infinity): string {
	const lines = [titles, ...rows.map(row => row.map(printableLine))];
	const widths = titles.map((_title, column) => Math.max(...lines.map(line => line[column]!.length)));
	return lines.map(line => cut(line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd(), width)).join("\n");
}

function cut(line: string, width: number): string {
	return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
