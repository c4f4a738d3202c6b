// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: verifies signatures of Ed25519, each a word of key, message and signature as hexadecimal text, between
 * which colons stand. Prints a line for each: whether it is valid, and the ms that it took.
 */
import { Point } from "@noble/ed25519";
import { ed25519 } from "moorline/ed25519";
import host from "moorline/host";
import { native } from "../../../hosts/xs/native.js";

const verifier = ed25519(Point);

function fromHex(text: string): Uint8Array {
	const bytes = new Uint8Array(text.length / 2);
	for (let index = 0; index < bytes.length; index++) bytes[index] = Number(`0x${text.slice(2 * index, 2 * index + 2)}`);
	return bytes;
}

host.timer.set(() => {
	for (let word = native.argument(0), index = 0; word !== undefined; word = native.argument(++index)) {
		const [key, message, signature] = word.split(":").map(fromHex);
		const began = host.time.now();
		const isValid = verifier.verify(signature!, message!, key!, host.crypto.digest("SHA-512"));
		host.trace(`${isValid ? "valid" : "wrong"} ${Math.round(host.time.now() - began)}`);
	}
	host.trace("done");
}, 0);
