// SPDX-License-Identifier: Apache-2.0
/**
 * Who said what to whom at AWS, as lines that two clients' runs can be compared by.
 *
 * A line is a PUBLISH: its direction, its topic and its JSON. Left out is what each client may do in its own way: how it
 * subscribes, at which QoS, what its tokens look like. Times are the clock's.
 */
import type { Tap, Tapped } from "./tap.js";

export interface Phase {
	readonly name: string;
	/** `> topic json` to the cloud, `< topic json` from it. */
	readonly lines: readonly string[];
}

/** A line that only one of two clients causes, on purpose. */
export interface Difference {
	readonly phase: string;
	readonly of: "sdk" | "moorline";
	readonly line: RegExp;
	/** Times that it occurs; it must. */
	readonly count: number;
	readonly reason: string;
}

/** Members that hold a time, in seconds or milliseconds, or hold what differs each time it is made. */
const TIMES: ReadonlySet<string> = new Set(["timestamp", "queuedAt", "startedAt", "lastUpdatedAt"]);
const UNIQUE: ReadonlySet<string> = new Set([
	"certificateId", "certificatePem", "privateKey", "certificateOwnershipToken", "certificateSigningRequest",
]);

/** The conversation so far, cut into phases by who plays it. */
export class Transcript {
	readonly phases: Phase[] = [];
	readonly #tap: Tap;

	constructor(tap: Tap) {
		this.#tap = tap;
	}

	/** Everything since the last cut was this phase. */
	cut(name: string): void {
		this.phases.push({ name, lines: linesOf(this.#tap.take()) });
	}
}

function linesOf(tapped: readonly Tapped[]): string[] {
	const lines: string[] = [];
	/** Tokens of requests: an answer to something else is not taken for one to these. */
	const tokens: string[] = [];
	for (const { packet, toCloud } of tapped) {
		if (packet.cmd !== "publish" || !packet.topic.startsWith("$aws/")) continue;
		const text = packet.payload.toString();
		const payload = text === "" ? "" : JSON.stringify(JSON.parse(text, (name, value: unknown) => {
			if (TIMES.has(name) && typeof value === "number") return 0;
			if (UNIQUE.has(name)) return typeof value;
			if (name !== "clientToken") return sorted(value);
			if (toCloud) tokens.push(value as string);
			return tokens.includes(value as string) ? "token" : "foreign token";
		}));
		lines.push(`${toCloud ? ">" : "<"} ${packet.topic} ${payload}`);
	}
	return lines;
}

function sorted(value: unknown): unknown {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	return Object.fromEntries(Object.entries(value).sort(([left], [right]) => left < right ? -1 : 1));
}

/**
 * Takes the lines of one client's run out that are `differences` of its own.
 * @throws Error where a difference does not occur as often as it says
 */
export function without(phases: readonly Phase[], differences: readonly Difference[], of: Difference["of"]): Phase[] {
	return phases.map(({ name, lines }) => {
		let left = lines;
		for (const { phase, line, count, of: whose } of differences) {
			if (whose !== of || phase !== name) continue;
			const remaining = left.filter(each => !line.test(each));
			const found = left.length - remaining.length;
			if (found !== count) throw new Error(`${of}: ${line} occurs ${found} times in ${name}:\n${lines.join("\n")}`);
			left = remaining;
		}
		return { name, lines: left };
	});
}
