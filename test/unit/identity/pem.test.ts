// SPDX-License-Identifier: Apache-2.0
/** PEM: what encoders of the world write is read, and nothing else is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CERTIFICATE, decodePEM, decodePrivateKey, encodePEM, PRIVATE_KEY, RSA_PRIVATE_KEY, VALUES_MAXIMUM } from "../../../src/identity/pem.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);

test("what was encoded is decoded, whatever its length", () => {
	for (let length = 1; length < 200; length++) {
		const pem = encodePEM(CERTIFICATE, bytes(length));
		assert.ok(pem.split("\n").every((line) => line.length <= 64));
		assert.deepEqual(decodePEM(CERTIFICATE, pem), [bytes(length)]);
	}
});

test("a chain keeps its order", () => {
	const chain = [bytes(100), bytes(48), bytes(1)];
	assert.deepEqual(decodePEM(CERTIFICATE, chain.map((der) => encodePEM(CERTIFICATE, der)).join("")), chain);
	const long = encodePEM(CERTIFICATE, bytes(9)).repeat(VALUES_MAXIMUM);
	assert.equal(decodePEM(CERTIFICATE, long).length, VALUES_MAXIMUM);
	assert.throws(() => decodePEM(CERTIFICATE, long + encodePEM(CERTIFICATE, bytes(9))), { code: "malformed" });
});

test("CRLF, white space at the end of lines and empty lines do no harm", () => {
	const pem = encodePEM(CERTIFICATE, bytes(100));
	for (const text of [pem.replaceAll("\n", "\r\n"), pem.replaceAll("\n", " \t\n"), `\n\n${pem}\n\n`, pem.trimEnd()]) {
		assert.deepEqual(decodePEM(CERTIFICATE, text), [bytes(100)], JSON.stringify(text));
	}
});

test("anything else is malformed, and the error repeats nothing of it", () => {
	const pem = encodePEM(CERTIFICATE, bytes(100));
	const lines = pem.split("\n");
	const wrong: Record<string, string> = {
		nothing: "",
		"no PEM": "hello",
		"another label": encodePEM(PRIVATE_KEY, bytes(100)),
		"another label in a chain": pem + encodePEM(PRIVATE_KEY, bytes(100)),
		"a text before": `subject=x\n${pem}`,
		"a text behind": `${pem}secret`,
		"no end": lines.slice(0, -2).join("\n"),
		"no end of the last": `${pem}${lines.slice(0, -2).join("\n")}`,
		"no begin": lines.slice(1).join("\n"),
		"an end of another label": pem.replace("END CERTIFICATE", "END PRIVATE KEY"),
		"a begin within": `${lines[0]}\n${pem}`,
		"no body": `${lines[0]}\n${lines.at(-2)}\n`,
		"a line cut": pem.replace(lines[1]!, lines[1]!.slice(4)),
		"a line too long": pem.replace(`${lines[1]}\n`, lines[1]!),
		"a header": pem.replace(lines[1]!, `Proc-Type: 4,ENCRYPTED\n${lines[1]}`),
		"a character that is none": pem.replace(lines[1]!, `${lines[1]!.slice(0, -1)}-`),
		"no padding": encodePEM(CERTIFICATE, bytes(100)).replaceAll("=", ""),
	};
	for (const [name, text] of Object.entries(wrong)) {
		assert.throws(() => decodePEM(CERTIFICATE, text), (error: { code?: string; message: string }) => {
			assert.equal(error.code, "malformed", name);
			assert.ok(!error.message.includes("secret") && !error.message.includes(lines[1]!.slice(0, 10)), name);
			return true;
		}, name);
	}
});

test("a private key is one value, PKCS#8 or wrapped as such", () => {
	assert.deepEqual(decodePrivateKey(text, encodePEM(PRIVATE_KEY, bytes(70))), bytes(70));
	const wrapped = decodePrivateKey(text, `\n${encodePEM(RSA_PRIVATE_KEY, bytes(3))}`);
	assert.equal(toHex(wrapped), `3017020100300d06092a864886f70d01010105000403${toHex(bytes(3))}`);
	for (const label of [PRIVATE_KEY, RSA_PRIVATE_KEY]) {
		assert.throws(() => decodePrivateKey(text, encodePEM(label, bytes(3)).repeat(2)), { code: "malformed" }, label);
	}
	for (const label of ["EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", CERTIFICATE]) {
		assert.throws(() => decodePrivateKey(text, encodePEM(label, bytes(3))), { code: "malformed" }, label);
	}
});
