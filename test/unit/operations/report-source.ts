// SPDX-License-Identifier: Apache-2.0
/** A source of reports for tests of clouds: one body over and over, while there is one, and what became of each. */
import type { DeviceError } from "../../../src/base/error.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import type { ReportKind, ReportSource } from "../../../src/operations/report.js";
import { text } from "../text.js";

export class OneSource implements ReportSource {
	readonly kind: ReportKind;
	/** What is told: `undefined` for nothing. */
	body: CBORValue | undefined;
	readonly #lines: () => string[];

	/** @param lines where it is noted what became of a report */
	constructor(kind: ReportKind, body: CBORValue | undefined, lines: () => string[]) {
		this.kind = kind;
		this.body = body;
		this.#lines = lines;
	}

	get deadline(): number {
		return this.body === undefined ? Infinity : 0;
	}

	next(): Uint8Array | undefined {
		return this.body === undefined ? undefined : encodeCBOR(text, this.body);
	}

	accepted(): void {
		this.body = undefined;
		this.#lines().push(`${this.kind} accepted`);
	}

	refused({ code }: DeviceError): void {
		this.body = undefined;
		this.#lines().push(`${this.kind} refused: ${code}`);
	}
}

/** Every message that passed, as `> topic size` or `< topic size`. */
export class Overheard {
	lines: string[] = [];

	onMessage(sent: boolean, topic: string, bytes: Uint8Array | string, start: number, end: number): void {
		if (typeof bytes !== "string" && end > bytes.byteLength) throw new Error("beyond the end");
		this.lines.push(`${sent ? ">" : "<"} ${topic} ${end - start}`);
	}

	take(): string[] {
		return this.lines.splice(0);
	}
}
