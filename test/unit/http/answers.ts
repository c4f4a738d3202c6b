// SPDX-License-Identifier: Apache-2.0
/** What a parser makes of an answer, in a form to compare. */
import { Part, Response } from "../../../src/http/response.js";
import { text } from "../text.js";

export function latin1(value: string): Uint8Array {
	return Uint8Array.from(value, (character) => character.charCodeAt(0));
}

export interface Parsed {
	response: Response;
	/** "head", "end", or the code of the error, in order. */
	events: string[];
	body: string;
}

/**
 * @param step bytes that are delivered at a time
 * @param isClosed the stream ends behind them
 */
export function parse(answer: string, step = answer.length, isClosed = false): Parsed {
	const bytes = latin1(answer);
	const response = new Response(text);
	const parsed: Parsed = { response, events: [], body: "" };
	try {
		for (let at = 0; at < bytes.length && parsed.events.at(-1) !== "end"; at += step) {
			// What lies around the range is not to be looked at.
			const piece = new Uint8Array(step + 2).fill(0x0a);
			const count = Math.min(step, bytes.length - at);
			piece.set(bytes.subarray(at, at + count), 1);
			response.push(piece, 1, 1 + count);
			for (let part = response.next(); part !== Part.NONE; part = response.next()) {
				if (part === Part.BODY) parsed.body += String.fromCharCode(...piece.subarray(response.start, response.end));
				else parsed.events.push(part === Part.HEAD ? "head" : "end");
				if (part === Part.END) break;
			}
		}
		if (parsed.events.at(-1) !== "end" && isClosed) parsed.events.push(response.endsWithStream ? "end" : "closed");
	} catch (error) {
		if (!(error instanceof Error) || error.name !== "DeviceError") throw error;
		parsed.events.push((error as unknown as { code: string }).code);
	}
	return parsed;
}
