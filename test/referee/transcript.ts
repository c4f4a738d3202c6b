// SPDX-License-Identifier: Apache-2.0
/**
 * Who said what to whom at AWS, as lines that two clients' runs can be compared by.
 *
 * A line is a PUBLISH: its direction, its topic and its JSON. Left out is what each client may do in its own way: how it
 * subscribes, at which QoS, what its tokens look like. So is what comes of another's subscriptions: the answers to an
 * application's own updates, which every client hears that listens just then. Times are the clock's.
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
	/** Lines that it takes out, the first ones. */
	readonly count: number;
	readonly reason: string;
}

/** Members that hold a time, in seconds. */
const TIMES: ReadonlySet<string> = new Set(["timestamp", "queuedAt", "startedAt", "lastUpdatedAt"]);
/** Members that are different each time they are made. */
const UNIQUE: ReadonlySet<string> = new Set([
	"certificateId", "certificatePem", "privateKey", "certificateOwnershipToken", "certificateSigningRequest",
]);
const UPDATED = /\/shadow\/(name\/[^/]+\/)?update\/accepted$/;

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
	/** Those of the client's requests: an answer to another's is not taken for one to these. */
	const tokens: unknown[] = [];
	for (const { packet, toCloud } of tapped) {
		if (packet.cmd !== "publish" || !packet.topic.startsWith("$aws/")) continue;
		const { topic } = packet;
		const message = JSON.parse(packet.payload.toString()) as { clientToken?: unknown };
		if (toCloud) tokens.push(message.clientToken);
		else if (UPDATED.test(topic) && !tokens.includes(message.clientToken)) continue;
		lines.push(`${toCloud ? ">" : "<"} ${topic} ${JSON.stringify(message, (name, value: unknown) => {
			if (TIMES.has(name) && typeof value === "number") return 0;
			if (UNIQUE.has(name)) return typeof value;
			if (name === "clientToken") return tokens.includes(value) ? "token" : "another's token";
			return sorted(value);
		})}`);
	}
	return lines;
}

function sorted(value: unknown): unknown {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	return Object.fromEntries(Object.entries(value).sort(([left], [right]) => left < right ? -1 : 1));
}

/**
 * One client's run without the lines that are `differences` of its own.
 * @throws Error where a difference does not occur as often as it says
 */
export function without(phases: readonly Phase[], differences: readonly Difference[], of: Difference["of"]): Phase[] {
	return phases.map(({ name, lines }) => {
		const left = [...lines];
		for (const { line, count } of differences.filter(each => each.of === of && each.phase === name)) {
			for (let found = 0; found < count; found++) {
				const index = left.findIndex(each => line.test(each));
				if (index < 0) throw new Error(`${of}: ${line} occurs ${found} times in ${name}:\n${lines.join("\n")}`);
				left.splice(index, 1);
			}
		}
		return { name, lines: left };
	});
}
