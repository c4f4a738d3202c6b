// SPDX-License-Identifier: Apache-2.0
/**
 * The head of an HTTP/1.1 message, as far as an opening handshake needs it (RFC 6455 §4, RFC 7230 §3).
 *
 * Strict where leniency has been used to smuggle: each line ends in CR LF, none is folded, and control characters are
 * refused. What is not ASCII becomes a question mark, since no field that matters has it.
 */
import { DeviceError } from "../../src/base/error.js";
import type { TextCodec } from "../../src/host.js";

/** Bytes of a head, its empty line included. Kept only until the handshake is over. */
export const HEAD_MAXIMUM = 4096;

const TAB = 9, LF = 10, CR = 13, SPACE = 32, DELETE = 127, UNKNOWN = 63;

/** Collects a head. */
export class HeadCollector {
	readonly #bytes = new Uint8Array(HEAD_MAXIMUM);
	#length = 0;

	/** @returns whether the head is complete. @throws DeviceError `violation`, `too-large` */
	add(byte: number): boolean {
		const bytes = this.#bytes, at = this.#length;
		if (at === HEAD_MAXIMUM) throw new DeviceError("too-large", `the head of the opening handshake is longer than ${HEAD_MAXIMUM} bytes`);
		const isAfterReturn = at > 0 && bytes[at - 1] === CR;
		if ((byte === LF) !== isAfterReturn || (byte < SPACE && byte !== TAB && byte !== CR && byte !== LF) || byte === DELETE) {
			throw new DeviceError("violation", "the opening handshake is no HTTP/1.1");
		}
		bytes[at] = byte < 0x80 ? byte : UNKNOWN;
		this.#length = at + 1;
		return byte === LF && at >= 3 && bytes[at - 2] === LF;
	}

	/** @throws DeviceError `violation` */
	parse(text: TextCodec): Head {
		return parseHead(text.decode(this.#bytes, 0, this.#length));
	}
}

export interface Head {
	/** The request line or status line. */
	readonly start: string;
	/** By name in lower case; what came several times is joined by commas (RFC 7230 §3.2.2). */
	readonly fields: ReadonlyMap<string, string>;
}

function parseHead(text: string): Head {
	const lines = text.split("\r\n");
	const fields = new Map<string, string>();
	// The last two are the empty line and what follows it, which is nothing.
	for (let index = 1; index < lines.length - 2; index++) {
		const line = lines[index]!, colon = line.indexOf(":"), name = line.slice(0, Math.max(colon, 0));
		if (name === "" || name.includes(" ") || name.includes("\t")) throw new DeviceError("violation", "a field of the opening handshake has no name");
		const key = name.toLowerCase(), value = line.slice(colon + 1).trim(), former = fields.get(key);
		fields.set(key, former === undefined ? value : `${former}, ${value}`);
	}
	return { start: lines[0]!, fields };
}

/** The members of a field that is a comma-separated list. */
export function listOf(field: string | undefined): string[] {
	return field === undefined ? [] : field.split(",").map(item => item.trim());
}

/** Whether a list has `token`, whatever its case. */
export function hasToken(field: string | undefined, token: string): boolean {
	return listOf(field).some(item => item.toLowerCase() === token);
}
