// SPDX-License-Identifier: Apache-2.0
/**
 * Looks for a secret in what should not hold it: logs, traces, reports, recordings, whole directories.
 *
 * It shares nothing with what replaces secrets (hosts/record): it looks for less than a whole one, in more places.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createPrivateKey } from "node:crypto";

/** Bytes of a secret that are looked for at a time: no accident is that long. */
const PIECE = 12;

/** What of a private key, PKCS#8 DER, may nowhere be: of one that is no such thing, all of it. */
export function secretsOf(key: Uint8Array): Map<string, Buffer> {
	const secrets = new Map([["the key", Buffer.from(key)]]);
	try {
		const numbers = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }).export({ format: "jwk" });
		for (const [name, value] of Object.entries(numbers)) {
			if (["d", "p", "q", "dp", "dq", "qi"].includes(name)) secrets.set(name, Buffer.from(String(value), "base64url"));
		}
		// What is around these numbers, and the public key behind them, is the same for everybody or nobody's secret.
		secrets.delete("the key");
	} catch {
		// A key of the world, or one that is shared.
	}
	return secrets;
}

/** In which forms any piece of `secret` stands in `text`. */
export function formsIn(haystack: Uint8Array, secret: Uint8Array): string[] {
	const bytes = Buffer.from(haystack), found: string[] = [];
	// Lines of PEM, as they are and in JSON, are one text.
	const text = bytes.toString("latin1"), joined = text.replace(/(\\r)?\\n|\r?\n/g, ""), lower = text.toLowerCase();
	// Bytes that became text by accident, an array or in JSON: 1,2,3 or {"0":1,"1":2,"2":3}.
	const numbers = text.replace(/\s+|"\d+":/g, "");
	for (let start = 0; start + Math.min(PIECE, secret.byteLength) <= secret.byteLength; start += PIECE) {
		const piece = Buffer.from(secret.subarray(start, start + PIECE));
		if (bytes.includes(piece)) found.push("bytes");
		if (lower.includes(piece.toString("hex"))) found.push("hexadecimal");
		if (numbers.includes(piece.join(","))) found.push("decimals");
		for (const place of [0, 1, 2]) {
			for (const encoding of ["base64", "base64url"] as const) {
				const whole = Buffer.concat([Buffer.alloc(place), piece, Buffer.alloc(3)]).toString(encoding);
				// Without the characters that hold bits of what is around.
				const sure = whole.slice(Math.ceil(place * 8 / 6), Math.floor((place + piece.byteLength) * 8 / 6));
				if (text.includes(sure) || joined.includes(sure)) found.push(`${encoding} at place ${place}`);
			}
		}
	}
	return [...new Set(found)];
}

/** @throws AssertionError that says where which form of the key was found */
export function assertSecret(key: Uint8Array, artefacts: Readonly<Record<string, Uint8Array | string>>): void {
	for (const [name, secret] of secretsOf(key)) {
		for (const [where, content] of Object.entries(artefacts)) {
			assert.deepEqual(formsIn(typeof content === "string" ? Buffer.from(content) : content, secret), [], `${name} is in ${where}`);
		}
	}
}

/** The files of a directory, and of those in it, for `assertSecret`. @param isMeant false for those that may hold it */
export function artefactsIn(directory: string, isMeant: (path: string) => boolean = () => true): Record<string, Uint8Array> {
	const artefacts: Record<string, Uint8Array> = {};
	for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
		const path = join(entry.parentPath, entry.name);
		if (!entry.isFile() || !isMeant(path)) continue;
		try {
			artefacts[path] = readFileSync(path);
		} catch (error) {
			// Of a process that runs: a journal, say.
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		}
	}
	return artefacts;
}
